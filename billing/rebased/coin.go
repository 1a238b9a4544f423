package rebased

// The coin of the network in the two forms that nodes write; anything else, however much it looks like it, is another
// coin.
const (
	coinShort = "0x2::iota::IOTA"
	coinLong  = "0x0000000000000000000000000000000000000000000000000000000000000002::iota::IOTA"
)

// Decimals of the coin: an IOTA has 10⁹ nanos, the base units of billing.
const Decimals = 9

// TransferFee is what a transfer costs its sender in nanos: 1,000,000 of computation and 980,400 of storage for each coin
// object, as the network charged in 2026, rounded up. It is told to buyers and never counted.
const TransferFee = 2_000_000

func isIOTA(coinType string) bool { return coinType == coinShort || coinType == coinLong }

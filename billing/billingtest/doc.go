// Package billingtest has a ledger with faults, for tests of what stands behind a ledger.
package billingtest

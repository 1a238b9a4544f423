// Money is integers of base units; decimals are for people.

/** An amount in a document: as people read it, in base units, and how the two relate. */
export interface Money {
  amount: string
  base: string
  decimals: number
}

const most = (1n << 63n) - 1n

/** Reads plain digits with at most one point, exactly, into base units. */
export function parseUnits(decimal: string, decimals: number): bigint {
  const m = /^(\d+)(?:\.(\d+))?$/.exec(decimal)
  const frac = m?.[2] ?? ''
  if (!m || decimal.length > 40 || !Number.isInteger(decimals) || decimals < 0 || decimals > 18 || frac.length > decimals)
    throw new Error(`cannot read the amount ${decimal.slice(0, 40)}`)
  const n = BigInt(m[1]! + frac.padEnd(decimals, '0'))
  if (n > most) throw new Error('cannot read the amount: it is too large')
  return n
}

/** Writes base units as a decimal number of coins without trailing zeros. */
export function decimal(units: bigint, decimals: number): string {
  const digits = units.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const frac = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return frac === '' ? whole : `${whole}.${frac}`
}

/** The amount in base units; the two ways of writing it must agree. */
export function unitsOf(m: Money): bigint {
  const base = parseUnits(m.base, 0)
  if (parseUnits(m.amount, m.decimals) !== base) throw new Error(`cannot use the amount ${m.amount}: it is not ${m.base} base units`)
  return base
}

/**
 * Values of each kind of column, each as a client sends it and as a reader must answer it, by rules that
 * are written here once more and share nothing with `shared/table/column.ts`.
 */
import fc from "fast-check"

export interface Value {
  readonly sent: unknown
  readonly answered: unknown
}

/** What comes back as it was sent. */
const kept = <A>(values: fc.Arbitrary<A>): fc.Arbitrary<Value> =>
  values.map((sent) => ({ sent, answered: sent }))

/** Characters that some layer between a client and the table has a meaning for. */
const AWKWARD = [..."\"'\\{}[](),%/?#&=+;: \t\r\n\u0001\u2028\ufeff\u200d", "NULL", "$1", "é", "🙂"]

const storable = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...AWKWARD), maxLength: 20 }),
    fc.constantFrom("__proto__", "constructor", "null", "", "\\u0000", "\\", "1e3", "\ufffd"),
  )
  .filter((text) => !/\0|\p{Surrogate}/u.test(text))

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

const safe = (digits: bigint) =>
  digits >= -(2n ** 53n - 1n) && digits <= 2n ** 53n - 1n ? Number(digits) : String(digits)

const integer = fc.oneof(
  kept(fc.maxSafeInteger().map((number) => number + 0)),
  fc
    .oneof(
      fc.bigInt(INT64),
      fc.bigInt({ min: -1_000n, max: 1_000n }),
      fc.constantFrom(
        INT64.min,
        INT64.max,
        0n,
        2n ** 53n - 1n,
        2n ** 53n,
        -(2n ** 53n),
        1n - 2n ** 53n,
      ),
    )
    .map((digits) => ({ sent: String(digits), answered: safe(digits) })),
)

/** Minus zero is none in JSON, and so it is sent as zero. */
const double = fc
  .double({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, noNaN: true })
  .map((number) => number + 0)

/** In microseconds, a day inside of what four digits of a year hold, whatever the zone; and of today. */
const microsOf = (text: string) => BigInt(Date.parse(text)) * 1_000n
const EARLIEST = microsOf("0001-01-02T00:00:00Z")
const LATEST = microsOf("9999-12-30T00:00:00Z")
const TODAY = microsOf("2026-11-25T00:00:00Z")

const instant = fc
  .record({
    micros: fc.oneof(fc.bigInt(EARLIEST, LATEST), fc.bigInt(TODAY, TODAY + 10n ** 12n)),
    digits: fc.nat(6),
    minutes: fc.option(fc.integer({ min: -14 * 60, max: 14 * 60 })),
  })
  .map(({ micros, digits, minutes }) => {
    const exact = micros - (micros % 10n ** BigInt(6 - digits))
    const moment = Temporal.Instant.fromEpochNanoseconds(exact * 1_000n)
    const sign = (minutes ?? 0) < 0 ? "-" : "+"
    const [hours, rest] = [Math.floor(Math.abs(minutes ?? 0) / 60), Math.abs(minutes ?? 0) % 60]
    const two = (number: number) => String(number).padStart(2, "0")
    const zone = `${sign}${two(hours)}:${two(rest)}`
    const local = moment.toZonedDateTimeISO(minutes === null ? "UTC" : zone).toPlainDateTime()
    const fractionalSecondDigits = digits as 0 | 1 | 2 | 3 | 4 | 5 | 6
    const sent = local.toString({ fractionalSecondDigits }) + (minutes === null ? "Z" : zone)
    const isMillis = exact % 1_000n === 0n
    return { sent, answered: moment.toString({ fractionalSecondDigits: isMillis ? 3 : 6 }) }
  })

/** Objects with any names, among them `__proto__` as a member of their own. */
const json = fc.letrec<{ any: unknown; object: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(storable, double, fc.boolean(), fc.constant(null)),
    fc.array(tie("any"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(storable, tie("any")), { maxLength: 4 })
    .map((members) => Object.fromEntries(members)),
})).any

const uuid = fc
  .tuple(fc.uuid(), fc.boolean())
  .map(([id, isUpper]) => ({ sent: isUpper ? id.toUpperCase() : id, answered: id.toLowerCase() }))

const KIND: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  text: kept(storable),
  integer,
  number: kept(double),
  boolean: kept(fc.boolean()),
  timestamp: instant,
  json: kept(json.filter((value) => value !== null)),
  uuid,
}

/** Of a kind; where it may be null, also null and left out, which are the same. */
export const valuesOf = (kind: string, isNullable: boolean): fc.Arbitrary<Value> => {
  const values = KIND[kind]
  if (values === undefined) throw new Error(`no values of the kind ${kind}`)
  const nothing = fc.constantFrom(
    { sent: undefined, answered: null },
    { sent: null, answered: null },
  )
  return isNullable ? fc.oneof(values, nothing) : values
}

/** As text in which the order of members makes no difference, for in PostgreSQL they have none. */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`,
  )
  return `{${members.toSorted().join(",")}}`
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)

/** What JSON can say and a column of the kind cannot give back as it was. */
export const REFUSED: Readonly<Record<string, ReadonlyArray<string>>> = {
  text: ['"a\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', "1", "true", "{}", '["a"]'],
  integer: [
    ...["9007199254740993", "-9007199254740993", "9007199254740992", "1.5", "1e300", "1e400"],
    ...[
      '"9223372036854775808"',
      '"-9223372036854775809"',
      '"01"',
      '"+1"',
      '"-0"',
      '"1.0"',
      '"1e3"',
    ],
    ...['""', '" 1"', '"1\\n"', '"\u0661"', '"Infinity"', "true", "[1]", "{}"],
  ],
  number: [
    "9007199254740993",
    "-9007199254740992",
    "1e300",
    "-1e400",
    '"1"',
    '"NaN"',
    "true",
    "[]",
  ],
  boolean: ["0", "1", '"true"', '""', "[]"],
  timestamp: [
    ...[
      "2026-02-31T00:00:00Z",
      "2026-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
    ],
    ...["2026-11-25T24:00:00Z", "2026-11-25T10:00:60Z", "2026-11-25T10:60:00Z", "2026-11-25"],
    ...["2026-11-25T10:00:00", "2026-11-25 10:00:00Z", "2026-11-25T10:00Z", "2026-11-25t10:00:00z"],
    ...["2026-11-25T10:00:00.1234567Z", "2026-11-25T10:00:00.Z", "2026-11-25T10:00:00+15:00"],
    ...["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
    ...["+002026-11-25T10:00:00Z", "2026-11-25T10:00:00Z ", "infinity", "now", "today", ""],
  ]
    .map((moment) => JSON.stringify(moment))
    .concat("0", "1795327495123", "{}"),
  json: [
    ...['"\\u0000"', '{"a\\u0000":1}', '[["\\ud800"]]', '{"\\udfff":1}', "[9007199254740993]"],
    ...['{"a":{"b":1e400}}', nested(65), nested(10_000)],
  ],
  uuid: [
    ...[
      '""',
      '"0"',
      '"{00000000-0000-4000-8000-000000000000}"',
      '"00000000000040008000000000000000"',
    ],
    ...['"00000000-0000-4000-8000-00000000000g"', '"00000000-0000-4000-8000-000000000000 "', "0"],
  ],
}

/** Unusual forms of JSON that are taken, and what they are the same as. */
export const SAME: Readonly<Record<string, ReadonlyArray<readonly [sent: string, same: string]>>> =
  {
    text: [['"\\u0041\\/\\ud83d\\ude42"', '"A/🙂"']],
    integer: [
      ...([
        ["-0", "0"],
        ["1.0", "1"],
        ["1e3", "1000"],
        ['"12"', "12"],
      ] as const),
      ['"9007199254740993"', '"9007199254740993"'],
    ],
    number: [
      ["-0", "0"],
      ["0.1", "0.1"],
      ["1E-7", "1e-7"],
      ["9007199254740991.0", "9007199254740991"],
    ],
    timestamp: [
      ['"2024-02-29T23:30:00.5-14:59"', '"2024-03-01T14:29:00.500Z"'],
      ['"0001-01-01T00:00:00Z"', '"0001-01-01T00:00:00.000Z"'],
      ['"9999-12-31T23:59:59.999999Z"', '"9999-12-31T23:59:59.999999Z"'],
      ['"1969-12-31T23:59:59.999999+00:00"', '"1969-12-31T23:59:59.999999Z"'],
    ],
    json: [
      ['{"b":1,"a":2,"b":3}', '{"a":2,"b":3}'],
      ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
      [nested(64), nested(64)],
    ],
  }

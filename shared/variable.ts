/** The kinds of variables that the table of configuration is made of, and how the value of one is read. */
import { Result, Schema } from "effect"
import { UrlError } from "./store-url.ts"

export interface Variable<A> {
  readonly schema: Schema.ConstraintDecoder<A>
  readonly fallback: A
  /** What is allowed, for the line that reports a bad value. */
  readonly allowed: string
  readonly secret?: true
  /** Of a value that is not allowed, what to change; "" when nothing is known. */
  readonly advise?: (text: string) => string
  /** Reads it as its user will; throws a UrlError that says what is wrong. */
  readonly read?: (text: string) => { readonly leftOut: ReadonlyArray<string> }
}

export const number = (
  minimum: number,
  maximum: number,
  fallback: number,
  unit = "",
): Variable<number> => ({
  schema: Schema.FiniteFromString.check(Schema.isBetween({ minimum, maximum })),
  fallback,
  allowed: `a number from ${minimum} to ${maximum}${unit && ` ${unit}`}`,
})

export const integer = (
  minimum: number,
  maximum: number,
  fallback: number,
  unit = "",
): Variable<number> => ({
  schema: Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })),
  fallback,
  allowed: `a whole number from ${minimum} to ${maximum}${unit && ` ${unit}`}`,
})

export const pattern = (
  regExp: RegExp,
  fallback: string,
  allowed: string,
  secret?: true,
): Variable<string> => ({
  schema: Schema.String.check(Schema.isPattern(regExp)),
  fallback,
  allowed,
  ...(secret && { secret }),
})

/** What JDBC and SQLAlchemy write around the scheme of a URL. */
const adviseScheme = (schemes: ReadonlyArray<string>) => (text: string) => {
  const [, jdbc = "", scheme = "", driver = ""] =
    /^(jdbc:)?([a-z]+)(\+\w{1,20})?:\/\//i.exec(text) ?? []
  if (!schemes.includes(scheme.toLowerCase())) return ""
  return `, without ${[jdbc, driver].filter(Boolean).join(" and ")}`
}

/** Unset, it is that of a store of `npm start`. */
export const url = (
  schemes: ReadonlyArray<string>,
  read: NonNullable<Variable<string>["read"]>,
): Variable<string> => ({
  ...pattern(
    new RegExp(`^(${schemes.join("|").replaceAll("+", "\\+")})://.`, "i"),
    "",
    `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
    true,
  ),
  advise: adviseScheme(schemes),
  read,
})

/** As a browser writes it: a scheme, a host in lower case, and a port that is not the scheme's own. */
const isOrigin = (text: string): boolean => {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/.test(text) || !URL.canParse(text)) return false
  const { protocol, host, origin } = new URL(text)
  return text === (origin === "null" ? `${protocol}//${host.toLowerCase()}` : origin)
}

const ORIGINS_MAX = 100

/** Whose pages may do something; "" is nobody's. */
export const origins: Variable<string> = {
  schema: Schema.String.check(
    Schema.makeFilter((text: string) => {
      const all = text.split(",").map((one) => one.trim())
      return text === "*" || (all.length <= ORIGINS_MAX && all.every(isOrigin))
    }),
  ),
  fallback: "",
  allowed: `* or up to ${ORIGINS_MAX} origins such as https://shop.example, with commas between`,
}

export const oneOf = <const A extends string>(fallback: A, ...others: A[]): Variable<A> => ({
  schema: Schema.Literals([fallback, ...others]),
  fallback,
  allowed: [fallback, ...others].join(", "),
})

export const port = (fallback: number, lowest = 0) => integer(lowest, 65_535, fallback)

/** Reads one value, and says what is wrong with it. */
export const decode = <A>(name: string, variable: Variable<A>, text: string, bad: string[]): A => {
  const result = Schema.decodeUnknownResult(variable.schema)(text)
  if (Result.isFailure(result)) {
    const shown = variable.secret ? "(not shown)" : JSON.stringify(text.slice(0, 80))
    bad.push(`${name} is ${shown}; allowed is ${variable.allowed}${variable.advise?.(text) ?? ""}`)
    return variable.fallback
  }
  try {
    variable.read?.(text)
  } catch (error) {
    if (!(error instanceof UrlError)) throw error
    bad.push(`${name}: ${error.message}`)
  }
  return result.success
}

/**
 * The URL of a store, taken apart: user, password, hosts, path, parameters. By hand, for a URL may have
 * several hosts, and what cannot be read is an error that says what to change and quotes nothing.
 */
import { isIPv6 } from "node:net"

/** Why a URL is refused, for the line that names its variable. Never quotes user, password or host. */
export class UrlError extends Error {
  override readonly name = "UrlError"
}

/** A host that begins with a slash is a unix socket, or the folder of one. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface StoreUrl {
  readonly scheme: string
  readonly user: string
  readonly password: string
  readonly addresses: ReadonlyArray<Address>
  /** Decoded, without the slash in front. */
  readonly path: string
  /** Decoded. Whoever understands one takes it out; the last of a name counts. */
  readonly parameters: Map<string, string>
}

const HOSTS_MAX = 16
const PORT_MAX = 65_535

/** Without it the rest of a password would be taken for a host, and told to a name server. */
const ENCODE =
  "it cannot be read: in user and password encode # as %23, ? as %3F, / as %2F, @ as %40, % as %25, " +
  "a space as %20"
const NO_SPACES =
  "it has a space or a line break behind the password: leave it out, or write it %20"
const PERCENT =
  "in its path and parameters a percent sign is written %25, and the others encode UTF-8"
const IPV6 = "an IPv6 address stands in brackets, a port behind them: [::1]:5432"
const ZONE = "a zone of an IPv6 address stands behind %25: [fe80::1%25eth0]"

/** Scheme, credentials up to the last @, hosts, and path. */
const PARTS = /^(\w[\w+.-]*):\/\/(?:([^/]*)@)?([^/@]*)(?:\/(.*))?$/s

/** An address in brackets or a name, and a port. */
const HOST = /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::([^:]*))?$/

/** A name of a parameter as a message may show it: what is no name may be a part of a password. */
export const shownName = (name: string): string =>
  /^\w[\w.-]{0,39}$/.test(name) ? name : "(not shown)"

/** A plus is a plus, unlike in the forms of HTML. */
const decode = (text: string, advice: string): string => {
  let decoded: string
  try {
    decoded = decodeURIComponent(text)
  } catch {
    throw new UrlError(advice)
  }
  // To both stores it is the end of a text, so that they would take the beginning for the whole.
  if (decoded.includes("\0")) throw new UrlError("it has a %00, which can stand in no part of it")
  return decoded
}

const parametersOf = (query: string) =>
  new Map(
    query
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => {
        const [name = "", ...rest] = pair.split("=")
        return [decode(name, PERCENT), decode(rest.join("="), PERCENT)] as const
      }),
  )

const portOf = (text: string | null | undefined, fallback: number): number => {
  if (!text) return fallback
  const port = /^\d+$/.test(text) ? Number(text) : 0
  if (port < 1 || port > PORT_MAX) throw new UrlError(`a port is a number from 1 to ${PORT_MAX}`)
  return port
}

/** A host that is left out is the fallback's, as it is to libpq; `addressesOf` puts it in. */
const addressOf = (text: string, { port: fallback }: Address): Address => {
  const [found, inBrackets, name = "", port] = HOST.exec(text) ?? []
  if (found === undefined) throw new UrlError(IPV6)
  const host = inBrackets === undefined ? decode(name, PERCENT) : decode(inBrackets, ZONE)
  if (inBrackets !== undefined && !isIPv6(host)) throw new UrlError(IPV6)
  return { host, port: portOf(port, fallback) }
}

const credentialsOf = (text: string) => {
  const colon = text.indexOf(":")
  const user = colon === -1 ? text : text.slice(0, colon)
  const password = colon === -1 ? "" : text.slice(colon + 1)
  return { user: decode(user, ENCODE), password: decode(password, ENCODE) }
}

/** The hosts of libpq's parameters of that name, which count before those of the URL itself. */
const addressesOf = (
  named: ReadonlyArray<Address>,
  parameters: Map<string, string>,
  fallback: Address,
): ReadonlyArray<Address> => {
  const hosts = parameters.get("host")?.split(",")
  const ports = parameters.get("port")?.split(",") ?? []
  parameters.delete("host")
  parameters.delete("port")
  const all: ReadonlyArray<Address> = hosts
    ? hosts.map((host) => ({ host, port: named[0]?.port ?? fallback.port }))
    : named
  if (ports.length > 1 && ports.length !== all.length) {
    throw new UrlError("it has as many ports as hosts, or one port")
  }
  return all.map(({ host, port }, index) => ({
    host: host || fallback.host,
    port: portOf(ports[ports.length > 1 ? index : 0], port),
  }))
}

/**
 * Takes a URL apart.
 * @throws {UrlError} when it cannot be read.
 */
export const parseStoreUrl = (text: string, fallback: Address): StoreUrl => {
  const question = text.indexOf("?")
  const address = question === -1 ? text : text.slice(0, question)
  const query = question === -1 ? "" : text.slice(question + 1)
  const [, scheme, credentials = "", hosts = "", path = ""] = PARTS.exec(address) ?? []
  // A raw character of a password would end the credentials early, and send the rest of it as a name.
  if (!scheme || /[#@]/.test(query) || /#/.test(address) || /@/.test(path)) {
    throw new UrlError(ENCODE)
  }
  if (/\s/.test(text)) throw new UrlError(/\s/.test(credentials) ? ENCODE : NO_SPACES)
  const each = hosts.split(",")
  if (each.length > HOSTS_MAX) throw new UrlError(`it has at most ${HOSTS_MAX} hosts`)
  const parameters = parametersOf(query)
  const named = each.map((host) => addressOf(host, fallback))
  return {
    scheme: scheme.toLowerCase(),
    ...credentialsOf(credentials),
    addresses: addressesOf(named, parameters, fallback),
    path: decode(path, PERCENT),
    parameters,
  }
}

/** Takes a parameter out: what is left over in the end was understood by nobody. */
export const take = ({ parameters }: StoreUrl, ...names: ReadonlyArray<string>) => {
  let found: string | undefined
  for (const name of names) {
    found ??= parameters.get(name)
    parameters.delete(name)
  }
  return found
}

/** As `take`, for a parameter that is on or off. */
export const takeFlag = (url: StoreUrl, name: string): boolean | undefined => {
  const text = take(url, name)
  if (text === undefined) return undefined
  if (/^(true|1|on|yes)$/i.test(text)) return true
  if (/^(false|0|off|no)$/i.test(text)) return false
  throw new UrlError(`the parameter ${name} is true or false`)
}

/** As `take`, for a parameter that has one of a few words, in whatever case. */
export const takeWord = <A extends string>(
  url: StoreUrl,
  name: string,
  words: ReadonlyArray<A>,
): A | undefined => {
  const text = take(url, name)?.toLowerCase()
  const word = words.find((known) => known === text)
  if (text !== undefined && word === undefined) {
    throw new UrlError(`the parameter ${name} is one of ${words.join(", ")}`)
  }
  return word
}

/** Parameters that ask for more than is done here, each with what it may say and nobody misses. */
const PROTECTING: ReadonlyMap<string, RegExp> = new Map([
  ["require_auth", /^$/],
  ["requirepeer", /^$/],
  ["requiressl", /^0$/],
  ["sslcertmode", /^(allow|disable)$/i],
  ["sslcrldir", /^$/],
  ["gssencmode", /^(disable|prefer)$/i],
  ["min_protocol_version", /^3\.0$/],
])

/** Parameters that have another place. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["hostaddr", "name the address as the host"],
  [
    "passfile",
    "put the password into the URL, and the URL into a file that DATABASE_URL_FILE names",
  ],
  ["service", "write out what the service file says"],
])

/**
 * The names of the parameters that are left and that other clients put into their URLs.
 * @throws {UrlError} that names one which is in no list.
 */
export const leftOver = (
  { parameters }: StoreUrl,
  ofOthers: ReadonlySet<string>,
): ReadonlyArray<string> => {
  for (const [name, text] of parameters) {
    const harmless = PROTECTING.get(name)
    if (harmless ? harmless.test(text) : ofOthers.has(name)) continue
    const advice = harmless
      ? "it protects the connection, so leave it out only when you can do without"
      : (INSTEAD.get(name) ?? "leave it out")
    throw new UrlError(`its parameter ${shownName(name)} is not supported: ${advice}`)
  }
  return [...parameters.keys()]
}

/**
 * The URL of a store, taken apart: user, password, hosts, path, parameters. The package
 * pg-connection-string reads what is before the question mark; it knows one host, so a URL with several is
 * read once for each. What cannot be read is an error that says what to change and quotes nothing.
 */
import { parse } from "pg-connection-string"

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

const ENCODE =
  "in user and password encode # as %23, ? as %3F, / as %2F, @ as %40, % as %25, a space as %20"

/** Scheme and credentials up to the last @, hosts, and path. */
const PARTS = /^(\w[\w+.-]*:\/\/(?:[^/]*@)?)([^/@]*)(\/.*)?$/s

/** A name of a parameter as a message may show it: what is no name may be a part of a password. */
export const shownName = (name: string): string =>
  /^\w[\w.-]{0,39}$/.test(name) ? name : "(not shown)"

/** In URLs of stores a plus is a plus, unlike in those of HTML forms. */
const parametersOf = (query: string) =>
  new Map(new URLSearchParams(query.replaceAll("+", "%2B")).entries())

const portOf = (text: string | null | undefined, fallback: number): number => {
  if (!text) return fallback
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
    throw new UrlError(`a port is a number from 1 to ${PORT_MAX}`)
  }
  return port
}

const parseOne = (text: string) => {
  try {
    return parse(text)
  } catch {
    throw new UrlError(`it cannot be read; perhaps: ${ENCODE}`)
  }
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
  const [, prefix = "", hosts = "", path = ""] = PARTS.exec(address) ?? []
  // A raw character of a password would end the credentials early, and send the rest of it as a name.
  if (prefix === "" || /[#@]/.test(query) || /#/.test(address) || /@/.test(path)) {
    throw new UrlError(`it cannot be read: ${ENCODE}`)
  }
  if (/\s|%(?![0-9a-f]{2})/i.test(text)) throw new UrlError(`it cannot be read: ${ENCODE}`)
  const each = hosts.split(",")
  if (each.length > HOSTS_MAX) throw new UrlError(`it has at most ${HOSTS_MAX} hosts`)
  const parsed = each.map((host) => parseOne(`${prefix}${host}${path}`))
  const named = parsed.map(({ host, port }) => ({
    host: host ?? "",
    port: portOf(port, fallback.port),
  }))
  const parameters = parametersOf(query)
  return {
    scheme: prefix.slice(0, prefix.indexOf(":")),
    user: parsed[0]?.user ?? "",
    password: parsed[0]?.password ?? "",
    addresses: addressesOf(named, parameters, fallback),
    path: parsed[0]?.database ?? "",
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

/**
 * The names of the parameters that are left and that other clients put into their URLs.
 * @throws {UrlError} that names one which is in no list.
 */
export const leftOver = (
  { parameters }: StoreUrl,
  ofOthers: ReadonlySet<string>,
): ReadonlyArray<string> => {
  for (const name of parameters.keys()) {
    if (!ofOthers.has(name)) {
      throw new UrlError(`its parameter ${shownName(name)} is not supported: leave it out`)
    }
  }
  return [...parameters.keys()]
}

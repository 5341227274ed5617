/**
 * DATABASE_URL as a run needs it: with a database of its own, and on a way through a proxy. Of a parameter
 * the last counts, so what changes is added at the end, and the rest stays as the user wrote it.
 */
import { parsePostgresUrl } from "../shared/postgres/url.ts"
import type { Address } from "../shared/store-url.ts"

const add = (url: string, parameters: Readonly<Record<string, string>>): string =>
  `${url}${url.includes("?") ? "&" : "?"}${new URLSearchParams(parameters)}`

/**
 * The server that a URL names.
 * @throws when a proxy cannot stand in front of it: there are several, or its certificate must have its name.
 */
export const serverOf = (url: string): Address => {
  const { addresses, tls } = parsePostgresUrl(url)
  const [address, another] = addresses
  if (address === undefined || another !== undefined) {
    throw new Error("DATABASE_URL names several hosts; allowed is one: it is one that is measured")
  }
  const isNameFree = "rejectUnauthorized" in tls.options || "checkServerIdentity" in tls.options
  if (!isNameFree && !address.host.startsWith("/")) {
    throw new Error(
      "DATABASE_URL has a certificate's name checked, which that of a proxy is not; " +
        "allowed is sslmode=require, or verify-ca with sslrootcert",
    )
  }
  return address
}

/** A new database has no schemas yet but its first. */
export const withDatabase = (url: string, name: string): string => {
  const hasPath = "search_path" in parsePostgresUrl(url).settings
  return add(url, { dbname: name, ...(hasPath && { search_path: "public" }) })
}

/** A unix socket's server has no encryption, which the proxy in front of it could not say. */
export const throughProxy = (url: string, port: number): string => {
  const isLocal = serverOf(url).host.startsWith("/")
  const proxy = { host: "127.0.0.1", port: String(port) }
  return add(url, { ...proxy, ...(isLocal && { sslmode: "disable" }) })
}

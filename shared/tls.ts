/**
 * What a store's URL says about encryption, in libpq's words for both stores: sslmode, sslrootcert, sslcert,
 * sslkey and so on. The files are read here, so that a wrong one is known at the start.
 */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { isIP } from "node:net"
import type { ConnectionOptions } from "node:tls"
import { type StoreUrl, take, takeFlag, takeWord, UrlError } from "./store-url.ts"

const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const
export type TlsMode = (typeof MODES)[number]

export interface Tls {
  readonly mode: TlsMode
  /** PostgreSQL 17's way: TLS from the first byte, without asking whether there is any. */
  readonly isDirect: boolean
  readonly options: ConnectionOptions
}

/** Modes of clients for Node: pg says no-verify for what libpq calls require. */
const MODE_ALIASES: Readonly<Record<string, TlsMode>> = {
  "no-verify": "require",
  true: "verify-full",
  1: "verify-full",
  false: "disable",
  0: "disable",
}

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const

const modeOf = (name: string, given: string): TlsMode => {
  const text = given.toLowerCase()
  const mode = MODES.find((known) => known === text) ?? MODE_ALIASES[text]
  if (!mode) throw new UrlError(`the parameter ${name} is one of ${MODES.join(", ")}`)
  return mode
}

/** The content of a file that a parameter names, when `check` can read it as well. */
const readPem = (name: string, file: string | undefined, check: (text: string) => void) => {
  if (file === undefined) return undefined
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (error) {
    const { code, name: kind } = error as NodeJS.ErrnoException
    throw new UrlError(`its parameter ${name} names a file that cannot be read (${code ?? kind})`)
  }
  try {
    check(text)
  } catch {
    throw new UrlError(`its parameter ${name} names a file without what it should hold, as PEM`)
  }
  return text
}

const isCertificate = (text: string) => void new X509Certificate(text)

const takeVersion = (url: StoreUrl, name: string) => {
  const text = take(url, name)
  const version = VERSIONS.find((known) => known.toLowerCase() === text?.toLowerCase())
  if (text && !version) throw new UrlError(`the parameter ${name} is ${VERSIONS.join(" or ")}`)
  return version
}

/** Whether the server's certificate is looked at, and whether its name is. */
const verification = (mode: TlsMode, rootFile: string | undefined): ConnectionOptions => {
  const isNamed = rootFile !== undefined && rootFile !== "system"
  if (mode === "verify-full" || rootFile === "system") return {}
  // libpq: a CA that is named is also used.
  if (isNamed && (mode === "verify-ca" || mode === "require")) {
    return { checkServerIdentity: () => undefined }
  }
  if (mode === "verify-ca") {
    // A public CA certifies anybody: without the name's check that would be no check.
    throw new UrlError("sslmode=verify-ca needs the parameter sslrootcert; or use verify-full")
  }
  return { rejectUnauthorized: false }
}

/** Prisma's and Node's words for whether the certificate is looked at. */
const takeIsStrict = (url: StoreUrl): boolean | undefined => {
  const accepted = takeWord(url, "sslaccept", ["strict", "accept_invalid_certs"])
  const rejects = takeFlag(url, "rejectUnauthorized")
  return accepted === undefined ? rejects : accepted === "strict" || rejects === true
}

/** Of two parameters that disagree, the one that protects more counts. */
const takeMode = (url: StoreUrl, fallback: TlsMode): TlsMode => {
  const flag = take(url, "ssl", "tls")
  const sslmode = take(url, "sslmode")
  const isStrict = takeIsStrict(url)
  const said = flag === undefined ? fallback : modeOf("ssl", flag)
  if (sslmode === undefined && isStrict === false && said === "verify-full") return "require"
  const mode = sslmode === undefined ? said : modeOf("sslmode", sslmode)
  return isStrict && mode !== "disable" && mode !== "verify-ca" ? "verify-full" : mode
}

/** Takes the parameters about encryption out of a URL. `fallback` is the mode of a URL that says none. */
export const takeTls = (url: StoreUrl, fallback: TlsMode): Tls => {
  const mode = takeMode(url, fallback)
  const negotiation = takeWord(url, "sslnegotiation", ["postgres", "direct"])
  const rootFile = take(url, "sslrootcert", "ssl_ca_certs")
  const certFile = take(url, "sslcert", "ssl_certfile")
  const keyFile = take(url, "sslkey", "ssl_keyfile")
  const passphrase = take(url, "sslpassword")
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new UrlError("of the parameters sslcert and sslkey it has both or none")
  }
  const ca = rootFile === "system" ? undefined : readPem("sslrootcert", rootFile, isCertificate)
  const cert = readPem("sslcert", certFile, isCertificate)
  const key = readPem("sslkey", keyFile, (text) =>
    createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) }),
  )
  const crl = readPem("sslcrl", take(url, "sslcrl"), () => {})
  const minVersion = takeVersion(url, "ssl_min_protocol_version")
  const maxVersion = takeVersion(url, "ssl_max_protocol_version")
  return {
    mode,
    isDirect: negotiation === "direct",
    options: {
      ...verification(mode, rootFile),
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(passphrase !== undefined && { passphrase }),
      ...(crl !== undefined && { crl }),
      ...(minVersion && { minVersion }),
      ...(maxVersion && { maxVersion }),
    },
  }
}

/** Whose certificate is expected; a name goes to the server as well, which may have several. */
export const serverOf = (host: string): ConnectionOptions =>
  isIP(host) ? { host } : { host, servername: host }

/** A CA, a server's certificate of it for localhost, and one of a CA that nobody knows, where there is openssl. */
import { execFile, spawnSync } from "node:child_process"
import { chmod, chown } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Account } from "../../scripts/servers/account.ts"

const run = promisify(execFile)

/** One that signs with a CA in the command that makes a key. */
const VERSION = /^OpenSSL [3-9]\./
export const hasOpenssl = VERSION.test(String(spawnSync("openssl", ["version"]).stdout))

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

export const makeCertificates = async (directory: string, account: Account | undefined) => {
  const at = (name: string) => join(directory, name)
  const selfSigned = (name: string) =>
    run("openssl", [
      ...["req", "-x509", ...KEY, "-subj", `/CN=${name}`],
      ...["-keyout", at(`${name}.key`), "-out", at(`${name}.crt`)],
    ])
  await Promise.all([selfSigned("ca"), selfSigned("stranger")])
  await run("openssl", [
    ...[
      "req",
      "-x509",
      ...KEY,
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost",
    ],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-CA", at("ca.crt"), "-CAkey", at("ca.key")],
    ...["-keyout", at("server.key"), "-out", at("server.crt")],
  ])
  // PostgreSQL refuses a key that others may read.
  await chmod(at("server.key"), 0o600)
  if (account) await chown(at("server.key"), account.uid, account.gid)
  return {
    ca: at("ca.crt"),
    stranger: at("stranger.crt"),
    cert: at("server.crt"),
    key: at("server.key"),
  }
}

import { describe, expect, test } from "vitest"
import { UrlError } from "../store-url.ts"
import { describeAddresses, parsePostgresUrl } from "./url.ts"

const ENCODE = /^it cannot be read: .* encode # as %23/

/** The message about a URL, which never quotes it. */
const refusal = (url: string): string => {
  try {
    parsePostgresUrl(url)
    return ""
  } catch (error) {
    expect(error).toBeInstanceOf(UrlError)
    expect((error as Error).message).not.toContain("secret")
    return (error as Error).message
  }
}

describe("where and who", () => {
  test.each([
    ["postgres://u:p@h/db", ["h:5432"]],
    ["postgresql://u:p@h:5433/db", ["h:5433"]],
    ["postgres://u:p@[::1]/db", ["[::1]:5432"]],
    ["postgres://u:p@[2001:db8::1]:5433/db", ["[2001:db8::1]:5433"]],
    ["postgres://u:p@10.0.0.1:1,[::1]:2,h/db", ["10.0.0.1:1", "[::1]:2", "h:5432"]],
    ["postgres://u:p@a,b,c:5433/db", ["a:5432", "b:5432", "c:5433"]],
    ["postgres://u:p@%2Fvar%2Frun%2Fpostgresql/db", ["/var/run/postgresql"]],
    ["postgres://u:p@/db?host=/var/run/postgresql", ["/var/run/postgresql"]],
    ["postgres://u:p@localhost/db?host=/cloudsql/a:b:c", ["/cloudsql/a:b:c"]],
    ["postgres:///db?host=a,b&port=1,2&user=u&password=p", ["a:1", "b:2"]],
    ["postgres:///?host=a,b&port=3&user=u&password=p&dbname=db", ["a:3", "b:3"]],
    ["postgres://u:p@/db", ["localhost:5432"]],
    ["postgres://u:p@:5433/db", ["localhost:5433"]],
    ["postgres://u:p@[fe80::1%25eth0]/db", ["[fe80::1%eth0]:5432"]],
    ["postgres://u:p@my_host.internal/db", ["my_host.internal:5432"]],
  ])("%s", (url, where) => {
    const parsed = parsePostgresUrl(url)
    expect(parsed.addresses.map((address) => describeAddresses([address]))).toEqual(where)
    expect(parsed).toMatchObject({ user: "u", password: "p", database: "db" })
  })

  test.each([
    ["p%23w", "p#w"],
    ["p%2Fw%3F%40%25", "p/w?@%"],
    ["p@w", "p@w"],
    ["p:w+&=;,!$'()*~[]", "p:w+&=;,!$'()*~[]"],
    ["p%C3%A4ß", "päß"],
    ["", ""],
  ])("a password written %s is %s", (written, password) => {
    expect(parsePostgresUrl(`postgres://u:${written}@h/db`)).toMatchObject({ user: "u", password })
  })

  test("a plus is a plus in parameters as well", () => {
    expect(parsePostgresUrl("postgres://h/db?user=a+b&password=c%2Bd")).toMatchObject({
      user: "a+b",
      password: "c+d",
    })
  })

  test.each([
    "postgres://u:se#cret@h/db",
    "postgres://u:secret#1@h/db",
    "postgres://u:5432#secret@h/db",
    "postgres://u:1?secret@h/db",
    "postgres://u:1/secret@h/db",
    "postgres://u:%secret@h/db",
    "postgres://u:a secret@h/db",
    "postgres://u:a@h/db#secret",
  ])("%s is told to be encoded", (url) => {
    expect(refusal(url)).toMatch(ENCODE)
  })

  test.each([
    ["postgres://u:%FFsecret@h/db", ENCODE],
    ["postgres://u:secret@h:port/db", /^a port is a number from 1 to 65535$/],
    ["postgres://u:secret@h:99999/db", /^a port is a number from 1 to 65535$/],
    ["postgres://u:secret@h:0x10/db", /^a port is a number from 1 to 65535$/],
    ["postgres://u:secret@[::1/db", /^an IPv6 address stands in brackets/],
    ["postgres://u:secret@::1:5432/db", /^an IPv6 address stands in brackets/],
    ["postgres://u:secret@[h]/db", /^an IPv6 address stands in brackets/],
    ["postgres://u:secret@[fe80::1%eth0]/db", /^a zone of an IPv6 address stands behind %25/],
    ["postgres://u:secret@h /db", /^it has a space or a line break behind the password/],
    ["postgres://u:secret@h/db\n?ssl=true", /^it has a space or a line break behind the password/],
    ["postgres://u:secret@h/100%", /^in its path and parameters a percent sign is written %25/],
    ["postgres://h/db?password=100%secret", /^in its path and parameters a percent sign/],
    ["postgres://u:secret%00@h/db", /^it has a %00/],
    ["postgres://u:secret@h/db%00x", /^it has a %00/],
    ["postgres://u:secret@h/db?options=%00", /^it has a %00/],
  ])("%s is told what is wrong", (url, advice) => {
    expect(refusal(url)).toMatch(advice)
  })

  test.each([
    ["my%20db%231", "my db#1"],
    ["a%2Fb%3Fc%40d", "a/b?c@d"],
    ["d%C3%A4", "dä"],
    ["a/../b", "a/../b"],
  ])("a database written %s is %s", (written, database) => {
    expect(parsePostgresUrl(`postgres://h/${written}`).database).toBe(database)
  })

  test("ports are numbers, and as many as hosts", () => {
    expect(refusal("postgres://h/db?port=0")).toMatch(/^a port is a number/)
    expect(refusal("postgres:///db?host=a,b&port=1,2,3")).toMatch(/^it has as many ports as hosts/)
  })
})

describe("parameters", () => {
  test.each([
    ["", null],
    ["target_session_attrs=any", "any"],
    ["target_session_attrs=primary", "primary"],
    ["target_session_attrs=read-write", "read-write"],
    ["target_session_attrs=prefer-standby", "prefer-standby"],
    ["target_session_attrs=Primary", "primary"],
    ["targetServerType=primary", "primary"],
    ["targetServerType=master", "primary"],
    ["targetServerType=preferSecondary", "prefer-standby"],
    ["targetServerType=preferPrimary", "any"],
    ["targetServerType=master&target_session_attrs=any", "any"],
  ])("?%s asks for the role %s", (query, role) => {
    expect(parsePostgresUrl(`postgres://h/db?${query}`).role).toBe(role)
  })

  test.each([
    ["", true, false],
    ["prepare=true", true, false],
    ["prepare=false", false, false],
    ["pgbouncer=true", false, true],
    ["statement_cache_size=0", false, false],
    ["prepareThreshold=0", false, false],
    ["prepared_statements=false", false, false],
  ])("?%s: prepared statements %s, PgBouncer %s", (query, canPrepare, isPgBouncer) => {
    const parsed = parsePostgresUrl(`postgres://h/db?${query}`)
    expect(parsed).toMatchObject({ canPrepare, isPgBouncer, leftOut: [] })
  })

  test("a schema, options and a name are the session's", () => {
    const url = "postgres://h/db?schema=app&options=-c%20geqo%3Doff&application_name=shop"
    expect(parsePostgresUrl(url)).toMatchObject({
      settings: { search_path: "app", options: "-c geqo=off" },
      applicationName: "shop",
      leftOut: [],
    })
  })

  test.each([
    // As Neon, Supabase, Vercel, Prisma, DigitalOcean, Azure, pgx and Symfony print them.
    ["sslmode=require&channel_binding=require", ["channel_binding"]],
    ["pgbouncer=true&connection_limit=1&pool_timeout=0", ["connection_limit", "pool_timeout"]],
    ["sslmode=require&supa=base-pooler.x", ["supa"]],
    ["workaround=supabase-pooler.vercel&pgbouncer=true", ["workaround"]],
    ["sslmode=require&connect_timeout=15", ["connect_timeout"]],
    ["keepalives_idle=30&gssencmode=disable", ["keepalives_idle", "gssencmode"]],
    ["serverVersion=16&charset=utf8", ["serverVersion", "charset"]],
    ["timezone=UTC&max_protocol_version=3.0", ["timezone", "max_protocol_version"]],
    ["sslcertmode=disable&min_protocol_version=3.0", ["sslcertmode", "min_protocol_version"]],
    [
      "pool_max_conns=10&default_query_exec_mode=exec",
      ["pool_max_conns", "default_query_exec_mode"],
    ],
  ])("?%s is fine without %j", (query, names) => {
    expect(parsePostgresUrl(`postgres://h/db?${query}`).leftOut).toEqual(names)
  })

  test.each([
    ["require_auth=scram-sha-256", /^its parameter require_auth .*: it protects the connection/],
    ["sslcertmode=require", /^its parameter sslcertmode .*: it protects the connection/],
    ["gssencmode=require", /^its parameter gssencmode .*: it protects the connection/],
    ["min_protocol_version=3.2", /^its parameter min_protocol_version .*: it protects/],
    ["hostaddr=10.0.0.1", "its parameter hostaddr is not supported: name the address as the host"],
    ["passfile=/secret", /^its parameter passfile is not supported: put the password into the URL/],
    ["targetServerType=secret", /^the parameter targetServerType is one of any, primary, master/],
    ["sslaccept=secret", "the parameter sslaccept is one of strict, accept_invalid_certs"],
    ["Host=h", "its parameter Host is not supported: leave it out"],
    ["a%20secret%20b=1", "its parameter (not shown) is not supported: leave it out"],
    ["target_session_attrs=secret", /^the parameter target_session_attrs is one of any, primary/],
    ["prepare=secret", "the parameter prepare is true or false"],
    ["sslmode=secret", /^the parameter sslmode is one of disable, allow, prefer, require/],
    ["sslmode=verify-ca", "sslmode=verify-ca needs the parameter sslrootcert; or use verify-full"],
    ["sslnegotiation=secret", "the parameter sslnegotiation is one of postgres, direct"],
    ["sslrootcert=/none", "its parameter sslrootcert names a file that cannot be read (ENOENT)"],
    ["sslcert=/none", "of the parameters sslcert and sslkey it has both or none"],
    ["ssl_min_protocol_version=secret", /^the parameter ssl_min_protocol_version is TLSv1\.2 or/],
  ])("?%s: %s", (query, message) => {
    expect(refusal(`postgres://h/db?${query}`)).toMatch(message)
  })

  test("a file that is no certificate is refused", () => {
    const url = `postgres://h/db?sslmode=verify-full&sslrootcert=${import.meta.filename}`
    expect(refusal(url)).toBe(
      "its parameter sslrootcert names a file without what it should hold, as PEM",
    )
  })

  test.each([
    ["", "prefer", { rejectUnauthorized: false }],
    ["sslmode=disable", "disable", { rejectUnauthorized: false }],
    ["sslmode=allow", "allow", { rejectUnauthorized: false }],
    ["sslmode=require", "require", { rejectUnauthorized: false }],
    ["sslmode=no-verify", "require", { rejectUnauthorized: false }],
    ["ssl=true", "verify-full", {}],
    ["ssl=false", "disable", { rejectUnauthorized: false }],
    ["sslmode=verify-full", "verify-full", {}],
    ["sslmode=Verify-Full", "verify-full", {}],
    ["ssl=True", "verify-full", {}],
    ["tls=true", "verify-full", {}],
    ["sslaccept=strict", "verify-full", {}],
    ["sslmode=require&sslaccept=strict", "verify-full", {}],
    ["sslmode=require&rejectUnauthorized=true", "verify-full", {}],
    ["sslmode=verify-full&sslaccept=accept_invalid_certs", "verify-full", {}],
    ["sslmode=disable&sslaccept=strict", "disable", { rejectUnauthorized: false }],
    ["sslaccept=accept_invalid_certs", "prefer", { rejectUnauthorized: false }],
    ["ssl=true&rejectUnauthorized=false", "require", { rejectUnauthorized: false }],
    ["sslmode=verify-full&sslrootcert=system", "verify-full", {}],
    ["sslmode=require&sslrootcert=system", "require", {}],
  ])("?%s is the mode %s", (query, mode, options) => {
    expect(parsePostgresUrl(`postgres://h/db?${query}`).tls).toMatchObject({ mode })
    expect(parsePostgresUrl(`postgres://h/db?${query}`).tls.options).toEqual(options)
  })
})

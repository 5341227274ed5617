import { describe, expect, test } from "vitest"
import { parseRedisUrl } from "./url.ts"

describe("a URL of Redis", () => {
  test.each([
    ["redis://h", { host: "h", port: 6379, db: 0 }],
    ["redis://h:6380/2", { host: "h", port: 6380, db: 2 }],
    ["redis://h/?db=3", { host: "h", port: 6379, db: 3 }],
    ["valkey://h/1", { host: "h", port: 6379, db: 1 }],
    ["redis://default@h", { host: "h", port: 6379, db: 0 }],
    ["redis://:p%23w@h", { host: "h", port: 6379, db: 0, password: "p#w" }],
    ["redis://user:p@w@h", { host: "h", port: 6379, db: 0, username: "user", password: "p@w" }],
    ["redis://[::1]:6380", { host: "::1", port: 6380, db: 0 }],
    ["unix:///run/redis.sock", { path: "/run/redis.sock", db: 0 }],
    [
      "unix://u:p@/run/redis.sock?db=1",
      { path: "/run/redis.sock", db: 1, username: "u", password: "p" },
    ],
    ["redis://:p@%2Frun%2Fredis.sock/1", { path: "/run/redis.sock", db: 1, password: "p" }],
  ])("%s", (url, options) => {
    expect(parseRedisUrl(url).options).toEqual(options)
  })

  test.each([
    ["rediss://h", { host: "h", servername: "h" }],
    ["rediss://10.0.0.1", { host: "10.0.0.1" }],
    ["rediss://h?sslmode=require", { host: "h", servername: "h", rejectUnauthorized: false }],
    ["rediss://h?ssl_cert_reqs=none", { host: "h", servername: "h", rejectUnauthorized: false }],
    ["rediss://h?ssl_cert_reqs=CERT_REQUIRED", { host: "h", servername: "h" }],
    ["rediss://h?tls=true&rejectUnauthorized=true", { host: "h", servername: "h" }],
    [
      "rediss://h?rejectUnauthorized=false",
      { host: "h", servername: "h", rejectUnauthorized: false },
    ],
    [
      "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=false",
      { host: "h", servername: "h", rejectUnauthorized: false },
    ],
    ["REDISS://h?ssl_check_hostname=True", { host: "h", servername: "h" }],
    ["valkeys://h", { host: "h", servername: "h" }],
  ])("%s is encrypted", (url, tls) => {
    expect(parseRedisUrl(url).options.tls).toEqual(tls)
  })

  test.each([
    ["redis://:secret#x@h", /^it cannot be read: .* encode # as %23/],
    ["redis://h/queue", "its path is the number of a database, such as /0"],
    ["redis://h/-1", "its path is the number of a database, such as /0"],
    ["redis://a,b", "it names one host: several begin with redis+cluster:// or redis+sentinel://"],
    ["redis+cluster://a/1", "a cluster has no database but 0"],
    ["redis+cluster://a?db=1", "a cluster has no database but 0"],
    ["redis+cluster://%2Frun%2Fredis.sock", "a unix socket leads to one Redis: unix:///path"],
    ["redis+cluster://s3cr3t@h", "a password stands behind a colon: redis://:password@host"],
    ["redis+cluster://a?sentinel_password=p", /^its parameter sentinel_password is not supported/],
    ["redis+cluster://a?sslmode=require", /^encryption begins with redis\+clusters:\/\/, and/],
    ["redis+sentinels://a/m?tls=false", /^encryption begins with redis\+sentinels:\/\/, and/],
    ["redis+sentinel://a", /^its path is the name of Sentinel's master, such as/],
    ["redis+sentinel://a/my%20master", /^its path is the name of Sentinel's master, such as/],
    ["redis+sentinel://a/m/1/2", /^its path is the name of Sentinel's master, such as/],
    ["redis+sentinel://a/m/queue", "its path is the number of a database, such as /0"],
    ["redis://::1:6379", /^an IPv6 address stands in brackets/],
    ["redis://s3cr3t@h", "a password stands behind a colon: redis://:password@host"],
    ["redis://user:@h", "a password stands behind a colon: redis://:password@host"],
    ["redis://h?cluster=true", "its parameter cluster is not supported: leave it out"],
    ["redis://h?sslmode=require", "encryption begins with rediss://, and redis:// is without"],
    ["rediss://h?sslmode=disable", "encryption begins with rediss://, and redis:// is without"],
    [
      "rediss://h?sslrootcert=/none",
      "its parameter sslrootcert names a file that cannot be read (ENOENT)",
    ],
    ["redis://h?tls=true", "encryption begins with rediss://, and redis:// is without"],
    ["rediss://h?ssl_check_hostname=false", /^sslmode=verify-ca needs the parameter sslrootcert/],
    ["rediss://h?ssl_cert_reqs=maybe", /^the parameter ssl_cert_reqs is one of none, cert_none/],
  ])("%s: %s", (url, message) => {
    expect(() => parseRedisUrl(url)).toThrow(message)
  })

  test.each([
    [
      "redis+cluster://u:p@a,b:7000,[::1]",
      {
        master: null,
        hosts: ["a:6379", "b:7000", "::1:6379"],
        login: { username: "u", password: "p" },
      },
      { db: 0, username: "u", password: "p" },
    ],
    ["redis+cluster://a/0", { master: null, hosts: ["a:6379"], login: {} }, { db: 0 }],
    [
      "redis+sentinel://:p@a,b:7000/mymaster",
      { master: "mymaster", hosts: ["a:26379", "b:7000"], login: {} },
      { db: 0, password: "p" },
    ],
    [
      "redis+sentinel://a/my-master.1/2?sentinel_username=s&sentinel_password=q",
      { master: "my-master.1", hosts: ["a:26379"], login: { username: "s", password: "q" } },
      { db: 2 },
    ],
    [
      "redis+sentinels://a/m?db=3",
      { master: "m", hosts: ["a:26379"], login: {} },
      { db: 3, tls: {} },
    ],
    [
      "redis+clusters://10.0.0.1?sslmode=require",
      { master: null, hosts: ["10.0.0.1:6379"], login: {} },
      { db: 0, tls: { rejectUnauthorized: false } },
    ],
  ])("%s asks several", (url, { hosts, ...asked }, options) => {
    const { seeds, ...rest } = parseRedisUrl(url).options
    expect(rest).toEqual(options)
    const { addresses, ...others } = seeds as NonNullable<typeof seeds>
    expect(addresses.map(({ host, port }) => `${host}:${port}`)).toEqual(hosts)
    expect(others).toEqual(asked)
  })

  test("says where it is without credentials, and names what is for other clients", () => {
    const parsed = parseRedisUrl("redis://u:secret@[::1]/1?socket_timeout=1&abortConnect=false")
    expect(parsed).toMatchObject({
      where: "[::1]:6379",
      leftOut: ["socket_timeout", "abortConnect"],
    })
    expect(parseRedisUrl("unix://:secret@/run/r.sock").where).toBe("/run/r.sock")
    expect(parseRedisUrl("redis+cluster://u:secret@a,[::1]:1").where).toBe("a:6379, [::1]:1")
    const sentinels = parseRedisUrl("redis+sentinel://u:secret@a,b/m?sentinel_password=secret")
    expect(sentinels.where).toBe("m (Sentinels a:26379, b:26379)")
  })
})

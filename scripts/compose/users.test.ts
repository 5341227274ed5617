import { readdir, readFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { SCRIPTS } from "../../shared/protocol.ts"

const ROOT = new URL("../../", import.meta.url)

/** What a connection of ioredis asks for itself, and what it takes to run a script. */
const OF_A_CONNECTION = ["client|setinfo", "client|setname", "eval", "evalsha", "info", "ping"]

/** Of what our code calls on a connection, those that are commands of more than one word. */
const SUBCOMMANDS: Readonly<Record<string, string>> = { config: "config|get" }

/** A line a user, as Redis reads them. */
const lines = (await readFile(new URL("users.acl", import.meta.url), "utf8"))
  .replaceAll(/\n +/g, " ")
  .split("\n")
  .filter((line) => line.startsWith("user "))

const rulesOf = (user: string): ReadonlyArray<string> =>
  lines.find((line) => line.startsWith(`user ${user} `))?.split(" ") ?? []

const users = lines.map((line) => line.split(" ")[1] as string)

const granted = (user: string) =>
  rulesOf(user)
    .filter((rule) => rule.startsWith("+"))
    .map((rule) => rule.slice(1))
    .toSorted()

const commandsOf = (script: string) => {
  const { lua } = SCRIPTS[script as keyof typeof SCRIPTS]
  return [...lua.matchAll(/(?:redis\.call|push)\('(\w+)'/g)].map(([, name = ""]) =>
    name.toLowerCase(),
  )
}

/** What the sources of a service call on a connection to Redis: our scripts, and commands. */
const calls = async (service: string): Promise<ReadonlyArray<string>> => {
  const folder = new URL(`services/${service}/`, ROOT)
  const files = (await readdir(folder, { recursive: true })).filter((file) =>
    /(?<!\.(test|suite))\.ts$/.test(file),
  )
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8")))
  return texts.flatMap((text) =>
    [...text.matchAll(/\b(?:redis|bell)\.([a-z]+)\(/g)].map(([, name = ""]) => name),
  )
}

for (const service of ["ingest", "worker", "stats"]) {
  test(`the Redis user ${service} may do what ${service} does, and no more`, async () => {
    const needed = (await calls(service)).flatMap((call) =>
      call in SCRIPTS ? commandsOf(call) : [SUBCOMMANDS[call] ?? call],
    )
    expect(granted(service)).toEqual([...new Set([...needed, ...OF_A_CONNECTION])].toSorted())
  })
}

test("the log can be replayed with the rights of default, and everybody has a password", () => {
  expect(rulesOf("default").slice(2)).toEqual(["on", "#{{default}}", "~*", "&*", "+@all"])
  for (const user of users) expect(rulesOf(user)).toContain(`#{{${user}}}`)
})

test("only default may touch other keys than the queue's", () => {
  for (const user of users.filter((name) => name !== "default")) {
    const keys = rulesOf(user).filter((rule) => rule.includes("~"))
    expect(keys.join(" ")).toMatch(
      /^~write_queue ~\{write_queue\}:(\*|counters ~\{write_queue\}:workers)$/,
    )
  }
})

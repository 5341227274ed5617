import { readdir, readFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { SCRIPTS } from "../../shared/queue/queue.ts"

const ROOT = new URL("../../", import.meta.url)

/** What a connection of ioredis asks for itself, what our own asks in a cluster, and what it takes to run a script. */
const OF_A_CONNECTION = [
  ...["client|setinfo", "client|setname", "cluster|slots", "eval", "evalsha", "info", "ping"],
]

/** The lines of users.acl: Redis reads one for each user. */
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

const commandsIn = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:redis\.p?call|push)\('(\w+)'|\bredis\.(?!p?call)([a-z]+)\(/g)].map(
    ([, ofScript, ofDriver]) => (ofScript ?? ofDriver ?? "").toLowerCase(),
  )

/** The commands behind each call of the queue: those of its script, or those of the call itself. */
const queueCalls = async (): Promise<ReadonlyMap<string, ReadonlyArray<string>>> => {
  const text = await readFile(new URL("shared/queue/queue.ts", ROOT), "utf8")
  const own = text.split(/\n {4}(?=\w+: (?:async )?\()/).slice(1)
  return new Map([
    ...Object.entries(SCRIPTS).map(([name, { lua }]) => [name, commandsIn(lua)] as const),
    ...own.map((call) => [call.slice(0, call.indexOf(":")), commandsIn(call)] as const),
  ])
}

/** What a change of the shards takes beside the layout, which each service looks at. */
const OF_A_CHANGE = ["planLayout", "closeShard", "openShard", "finishLayout"] as const

/** The commands that the sources of a service need: by their calls of a queue, and of the door to Redis. */
const neededBy = async (service: string): Promise<ReadonlyArray<string>> => {
  const folder = new URL(`services/${service}/`, ROOT)
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$|testing\//.test(file),
  )
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8")))
  const text = texts.join("\n")
  const isCalled = (name: string) =>
    new RegExp(`\\b(queue|waiting)\\.${name}\\(|Pick<Queue, "${name}">`).test(text)
  const calls = [...(await queueCalls())].filter(([name]) => isCalled(name))
  const ofShards = text.includes("changeShards(") ? OF_A_CHANGE : []
  const commands = [
    ...calls.flatMap(([, needed]) => needed),
    ...["layoutOf" as const, ...ofShards].flatMap((name) => commandsIn(SCRIPTS[name].lua)),
  ]
  return text.includes("settingsOf(") ? [...commands, "config|get"] : commands
}

for (const service of ["ingest", "worker", "stats"]) {
  test(`the Redis user ${service} may do what ${service} does, and no more`, async () => {
    const needed = await neededBy(service)
    expect(granted(service)).toEqual([...new Set([...needed, ...OF_A_CONNECTION])].toSorted())
  })
}

test("the log can be replayed with the rights of default, and everybody has a password", () => {
  expect(rulesOf("default").slice(2)).toEqual(["on", "#{{default}}", "~*", "&*", "+@all"])
  for (const user of users) expect(rulesOf(user)).toContain(`#{{${user}}}`)
})

const ALL_OF_THE_QUEUE =
  "~write_queue ~{write_queue}:* ~{write_queue:[0-9]*} ~{write_queue:[0-9]*}:*"
/** Beside the list, of the queue and of each shard. */
const neededOf = (tag: string) =>
  `~${tag}:counters ~${tag}:workers ~${tag}:asked ~${tag}:once:* %R~${tag}:outcome:*`
const WHAT_WRITES_NEED = [
  ...["~write_queue", neededOf("{write_queue}"), "~{write_queue}:layout"],
  ...["~{write_queue:[0-9]*}", neededOf("{write_queue:[0-9]*}")],
].join(" ")

test("a replica may follow its master, and touch no key itself", () => {
  expect(granted("replica")).toEqual(["ping", "psync", "replconf"])
  expect(rulesOf("replica").filter((rule) => rule.includes("~"))).toEqual([])
})

test("only default may touch other keys than the queue's", () => {
  for (const user of users.filter((name) => name !== "default" && name !== "replica")) {
    const keys = rulesOf(user).filter((rule) => rule.includes("~"))
    expect([ALL_OF_THE_QUEUE, WHAT_WRITES_NEED]).toContain(keys.join(" "))
  }
})

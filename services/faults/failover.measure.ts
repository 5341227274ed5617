/**
 * What a failover loses of what was accepted, and for how long writes are refused: by topology, by setting, and by what
 * becomes of the master. Prints a table. Nobody takes from the queue, so that what is missing in it was lost.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startService } from "../../scripts/servers/service.ts"
import { slotOfKey } from "../../shared/redis/slot.ts"
import { type Apart, cutOff } from "../testing/apart.ts"
import { startCluster } from "../testing/cluster.ts"
import { makeLedger } from "../testing/ledger.ts"
import { rowOf, type Sent } from "../testing/sent.ts"
import { startSentinels } from "../testing/sentinel.ts"
import { until } from "../testing/until.ts"
import { FAILOVER_ROUNDS as ROUNDS } from "./testing/settings.ts"

const QUEUE = "write_queue"

/** About 400 writes a second. */
const CLIENTS = 10
const BETWEEN_WRITES_MILLIS = 20
const BEFORE_MILLIS = 1_000
const AFTER_WRITES = 50

/** How far its replicas are behind a master whose machine is gone. */
const LAG_MILLIS = 50
const CUT_MILLIS = 10_000

/** A master and two replicas. */
const SENTINEL_NODES = 3

interface Node {
  readonly connection: Redis
  readonly between: Apart | undefined
  readonly end: (signal: NodeJS.Signals) => Promise<void>
}

interface Servers {
  readonly url: () => string
  readonly nodes: ReadonlyArray<Node>
  readonly masterNow: (not?: Node) => Promise<Node | null>
  readonly heal: () => Promise<void>
  readonly close: () => Promise<void>
}

const startOf: Readonly<Record<string, () => Promise<Servers>>> = {
  "cluster, one replica": async () => {
    const cluster = await startCluster({ replicas: true, apart: true })
    const masterNow = (not?: Node) => {
      const asked = cluster.nodes.find((node) => node !== not)
      return cluster.ownerOf(slotOfKey(QUEUE), asked)
    }
    return { ...cluster, masterNow }
  },
  "Sentinel, two replicas": async () => {
    const set = await startSentinels({ apart: true })
    return { ...set, masterNow: () => set.masterNow() }
  },
}

type Fault = "process killed" | "machine gone" | "cut off for 10 s"
type Setting = "plain" | "min-replicas-to-write 1" | "REDIS_REPLICAS=1"

const ROWS: ReadonlyArray<readonly [topology: string, fault: Fault, setting: Setting]> = [
  ["cluster, one replica", "process killed", "plain"],
  ["cluster, one replica", "machine gone", "plain"],
  ["cluster, one replica", "machine gone", "REDIS_REPLICAS=1"],
  ["cluster, one replica", "cut off for 10 s", "plain"],
  ["Sentinel, two replicas", "process killed", "plain"],
  ["Sentinel, two replicas", "machine gone", "plain"],
  ["Sentinel, two replicas", "machine gone", "min-replicas-to-write 1"],
  ["Sentinel, two replicas", "machine gone", "REDIS_REPLICAS=1"],
  ["Sentinel, two replicas", "cut off for 10 s", "plain"],
  ["Sentinel, two replicas", "cut off for 10 s", "REDIS_REPLICAS=1"],
]

const table: string[] = []
afterAll(() => {
  console.log(
    [
      "| the master | behind | setting | accepted, and lost by a failover | refuses for (median) |",
      "|---|---|---|--:|--:|",
      ...table,
    ].join("\n"),
  )
})

const betweenOf = ({ between }: Node) => between as Apart

/** Does to the master what the row says; resolves when another one is the master, or has been. */
const fail = async (servers: Servers, master: Node, fault: Fault) => {
  const others = servers.nodes.filter((node) => node !== master)
  if (fault === "machine gone") betweenOf(master).drop()
  if (fault === "cut off for 10 s") cutOff(betweenOf(master), others.map(betweenOf))
  else await master.end("SIGKILL")
  await until("another master", async () => {
    const now = await servers.masterNow(master)
    return now !== null && now !== master
  })
}

/** The longest time without an accepted write, from the first to the last. */
const longestGap = (times: ReadonlyArray<number>) =>
  Math.max(...times.map((time, at) => time - (times[at - 1] ?? time)))

const median = (all: ReadonlyArray<number>) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0

/** Those of the writes that no master has. */
const missing = async ({ nodes }: Servers, writes: ReadonlyArray<Sent>) => {
  const keys = new Set<string>()
  for (const { connection } of nodes) {
    if (!(await connection.info("replication")).includes("role:master")) continue
    if ((await connection.keys(QUEUE)).length === 0) continue
    for (const item of await connection.lrange(QUEUE, 0, -1)) keys.add(JSON.parse(item).key)
  }
  return writes.filter(({ key }) => !keys.has(key))
}

const round = async (servers: Servers, ingest: string, fault: Fault, what: Setting) => {
  const ledger = makeLedger([ingest])
  const name = ledger.name(`failover ${performance.now()}`)
  const times: number[] = []
  let isOver = false
  const write = async (client: number) => {
    for (let count = 0; !isOver; count++) {
      const { outcome } = await ledger.send(rowOf(`${name}:${client}:${count}`, "v"))
      if (outcome === "ok") times.push(performance.now())
      await sleep(BETWEEN_WRITES_MILLIS)
    }
  }
  const taken = () => {
    const before = times.length
    return until("writes are taken", async () => times.length > before + AFTER_WRITES)
  }
  const clients = Array.from({ length: CLIENTS }, (_, client) => write(client))
  await taken()
  const master = (await until(
    "a master",
    async () => (await servers.masterNow()) ?? undefined,
  )) as Node
  if (fault === "machine gone") betweenOf(master).lag(LAG_MILLIS)
  await sleep(BEFORE_MILLIS)
  const began = performance.now()
  await fail(servers, master, fault)
  if (fault === "cut off for 10 s") await sleep(began + CUT_MILLIS - performance.now())
  // Who needs a replica has none in a cluster with one before the dead is back.
  const isBackFirst =
    fault === "cut off for 10 s" || (servers.nodes.length > SENTINEL_NODES && what !== "plain")
  if (isBackFirst) await servers.heal()
  await taken()
  isOver = true
  await Promise.all(clients)
  if (!isBackFirst) await servers.heal()
  const accepted = ledger.sent.filter(({ outcome }) => outcome === "ok")
  return {
    accepted: accepted.length,
    lost: (await missing(servers, accepted)).length,
    refusedMillis: longestGap(times),
  }
}

const setting = async ({ nodes }: Servers, least: number) => {
  for (const { connection } of nodes) {
    await connection.config("SET", "min-replicas-to-write", String(least))
    await connection.config("SET", "min-replicas-max-lag", "2")
  }
}

const measure = async (servers: Servers, [topology, fault, what]: (typeof ROWS)[number]) => {
  await setting(servers, what === "min-replicas-to-write 1" ? 1 : 0)
  const env = {
    REDIS_URL: servers.url(),
    ...(what === "REDIS_REPLICAS=1" && { REDIS_REPLICAS: "1" }),
  }
  const ingest = await startService("ingest", { env })
  try {
    const rounds: Array<Awaited<ReturnType<typeof round>>> = []
    for (let at = 0; at < ROUNDS; at++) rounds.push(await round(servers, ingest.url, fault, what))
    const losses = rounds.map(({ lost }) => lost)
    const sum = rounds.reduce((so, { accepted }) => so + accepted, 0)
    const [least, most] = [Math.min(...losses), Math.max(...losses)]
    const seconds = (median(rounds.map(({ refusedMillis }) => refusedMillis)) / 1_000).toFixed(1)
    const lost = least === most ? `${most}` : `${least} to ${most}`
    table.push(
      `| ${fault} | ${topology} | ${what} | ${lost} (of ${sum} in ${ROUNDS}) | ${seconds} s |`,
    )
    if (what === "REDIS_REPLICAS=1") expect(most).toBe(0)
  } finally {
    await ingest.stop()
  }
}

describe.each(Object.keys(startOf))("%s", (topology) => {
  let servers: Servers
  beforeAll(async () => {
    servers = await (startOf[topology] as () => Promise<Servers>)()
  })
  afterAll(() => servers?.close())

  test.each(ROWS.filter(([where]) => where === topology))("%s, %s, %s", (...row) =>
    measure(servers, row),
  )
})

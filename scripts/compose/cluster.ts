/** The second part of `npm run test:compose`: the stack on a Redis Cluster, with several of each. */
import assert from "node:assert/strict"
import { slotOfKey } from "../../shared/redis/slot.ts"
import type { Stack } from "./engine.ts"
import { checkConfinement } from "./permissions.ts"
import {
  down,
  eventually,
  get,
  healthBecomes,
  nothingIsLost,
  type Step,
  type Steps,
  under,
  up,
  WELL,
} from "./steps.ts"
import type { Writes } from "./writes.ts"

const NODES = ["redis-1", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"]
const SERVICES = [
  ...["gateway", "ingest", "ingest", "postgres", "reader", ...NODES, "stats"],
  ...["worker", "worker", "worker", "worker"],
]
const JOBS = ["cluster", "migrate", "roles", "secrets", "users"]

const SHARDS = 12

/** So many keys reach every shard. */
const WRITES_TO_ALL = 200

/** The five seconds of cluster.conf, half as many until one is missed, an election, and a machine that is busy. */
const FAILOVER_LIMIT_MILLIS = 30_000

const HOME_SLOT = slotOfKey("write_queue")

const cli = ({ compose }: Stack, node: string, ...command: ReadonlyArray<string>) =>
  compose("exec", "-T", node, "redis-cli", ...command)

/** The node that has the queue's own list, and the layout beside it, as another one sees it. */
const ownerOfHome = async (stack: Stack, asked: string): Promise<string> => {
  const lines = (await cli(stack, asked, "CLUSTER", "NODES")).split("\n")
  for (const line of lines) {
    const [, address = "", flags = "", , , , , , ...ranges] = line.trim().split(" ")
    const isOwner = ranges.some((range) => {
      const [first, last = first] = range.split("-").map(Number)
      return first !== undefined && first <= HOME_SLOT && HOME_SLOT <= Number(last)
    })
    if (isOwner && !flags.split(",").includes("fail")) return address.split(",")[1] ?? ""
  }
  throw new Error("the queue's slot has no owner")
}

/** Writes to all shards. Resolves to how many of the writes were taken. */
const taken = async ({ many }: Writes): Promise<number> =>
  (await many(WRITES_TO_ALL)).filter((status) => status === 202).length

const isAll = (count: number) =>
  assert.equal(count, WRITES_TO_ALL, `${count} of ${WRITES_TO_ALL} writes were taken`)

const allTake = async (writes: Writes) => isAll(await taken(writes))

const roundTrip: Step = async (stack, writes) => {
  await allTake(writes)
  const found = await nothingIsLost(stack, writes)
  const { body } = await get(`${stack.url.stats}/stats`)
  const current = body.shards.filter((shard: { current: boolean }) => shard.current)
  assert.equal(current.length, SHARDS)
  assert.equal(body.workers, 4)
  await healthBecomes(stack, 200, WELL)
  return `${found}; ${SHARDS} shards, 4 workers, healthy`
}

/** A master is killed under load: its replica takes over, and it comes back as a replica. */
const killedMaster: Step = async (stack, writes) => {
  const killed = await ownerOfHome(stack, "redis-1")
  const other = NODES.find((node) => node !== killed) as string
  let [millis, least] = [0, WRITES_TO_ALL]
  const found = await under(stack, writes, async () => {
    await stack.compose("kill", "--signal", "SIGKILL", killed)
    const begin = Date.now()
    await eventually(async () => {
      const count = await taken(writes)
      least = Math.min(least, count)
      isAll(count)
    }, FAILOVER_LIMIT_MILLIS)
    millis = Date.now() - begin
  })
  assert.ok(least > 0, "shards of other masters refused writes as well")
  const owner = await ownerOfHome(stack, other)
  assert.notEqual(owner, killed)
  await stack.compose("start", killed)
  await eventually(async () => {
    const replication = await cli(stack, killed, "INFO", "replication")
    assert.match(replication, /role:slave/)
    assert.match(replication, /master_link_status:up/)
  })
  await allTake(writes)
  await healthBecomes(stack, 200, WELL)
  const seconds = (millis / 1_000).toFixed(1)
  return `${owner} took over from ${killed}: ${least} of ${WRITES_TO_ALL} writes taken meanwhile, all after ${seconds} s; ${found}; ${await nothingIsLost(stack, writes)}`
}

/** The nodes find one another at other addresses, with what waits in them, whoever is a master by now. */
const downAndUp: Step = async (stack, writes) => {
  const { compose, leftovers } = stack
  await compose("stop", "worker")
  await allTake(writes)
  await compose("down")
  const volumes = NODES.length + ["postgres", "secrets"].length
  assert.deepEqual(await leftovers(), { containers: 0, volumes, networks: 0 })
  await compose("up", "--detach", "--wait")
  return await nothingIsLost(stack, writes)
}

export const CLUSTER: Steps = [
  [
    "docker compose -f compose.yaml -f scripts/compose/cluster.yaml up -d --wait",
    up(SERVICES, JOBS),
  ],
  ["confinement", checkConfinement],
  ["write and read", roundTrip],
  ["docker compose kill -s SIGKILL, of a master", killedMaster],
  ["docker compose down, and up again", downAndUp],
  ["docker compose down -v", down],
]

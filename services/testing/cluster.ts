/**
 * A Redis Cluster for tests: three masters, each with a replica on demand, as native servers of its own. Each
 * can freeze, die and come back, and on demand be cut off from the others. The connections are the test's own, one
 * to each node, and follow no slot.
 */
import { afterAll, beforeAll } from "vitest"
import { freePort } from "../../scripts/servers/port.ts"
import { startRedis } from "../../scripts/servers/redis.ts"
import { startApart } from "./apart.ts"
import { operated } from "./operator.ts"
import { untilFollowed } from "./replicas.ts"
import { openOwn } from "./store.ts"
import { until } from "./until.ts"

const MASTERS = 3
const SLOTS = 16_384

/** Long enough for a busy machine, short enough for a test of a failover. */
const NODE_TIMEOUT_MILLIS = 2_000

export interface ClusterOptions {
  /** Whether each master has a replica. */
  readonly replicas?: boolean
  /** Of the user `default`. */
  readonly password?: string
  /** Files of certificates for localhost: clients may then encrypt, and the nodes among themselves do. */
  readonly tls?: Readonly<Record<"ca" | "cert" | "key", string>>
  readonly settings?: Readonly<Record<string, string>>
  /** Whether nodes can be cut off from one another (`apart.ts`). */
  readonly apart?: boolean
  /** The environments of the masters. */
  readonly envs?: ReadonlyArray<Readonly<Record<string, string>>>
}

export type TestCluster = Awaited<ReturnType<typeof startCluster>>

/** Clients are told the name that is in the certificate. */
const encrypted = ({ ca, cert, key }: NonNullable<ClusterOptions["tls"]>, port: number) => ({
  ...{ "tls-port": `${port}`, "tls-cluster": "yes", "tls-replication": "yes" },
  "tls-auth-clients": "no",
  ...{ "tls-ca-cert-file": ca, "tls-cert-file": cert, "tls-key-file": key },
  ...{ "cluster-announce-hostname": "localhost", "cluster-preferred-endpoint-type": "hostname" },
})

/** In front of a node. */
const startBetween = async (port: number, bus: number) => {
  const between = await startApart(port, bus)
  const [announced = 0, announcedBus = 0] = between.ports
  const settings = {
    "bind-source-addr": between.address,
    ...{ "cluster-announce-ip": "127.0.0.1", "cluster-announce-port": `${announced}` },
    "cluster-announce-bus-port": `${announcedBus}`,
  }
  return { between, announced, announcedBus, settings }
}

const startNode = async (options: ClusterOptions, index: number) => {
  const { password, tls, settings, apart = false, envs = [] } = options
  const [port, bus, tlsPort] = [await freePort(), await freePort(), await freePort()]
  const before = apart ? await startBetween(port, bus) : null
  const env = envs[index]
  const server = await openOwn((directory) =>
    startRedis({
      ...{ directory, port, kind: "native", ...(env && { env }) },
      settings: {
        ...{ "cluster-enabled": "yes", "cluster-port": `${bus}` },
        "cluster-node-timeout": `${NODE_TIMEOUT_MILLIS}`,
        // A master that died stops its own slots, and no others.
        "cluster-require-full-coverage": "no",
        "cluster-allow-replica-migration": "no",
        "cluster-replica-validity-factor": "0",
        "repl-diskless-sync-delay": "0",
        // A stop waits for no replica that is stopped as well.
        "shutdown-timeout": "0",
        ...(password && { requirepass: password, masterauth: password }),
        ...(tls && encrypted(tls, tlsPort)),
        ...before?.settings,
        ...settings,
      },
    }),
  )
  const node = operated(server, password)
  const call = (...words: readonly [string, ...string[]]) =>
    node.connection.call("CLUSTER", ...words) as Promise<string>
  const close = async () => {
    await node.close()
    before?.between.stop()
  }
  return {
    ...{ ...node, tlsPort, call, close, id: await call("MYID") },
    /** Where others find it. */
    announced: before?.announced ?? port,
    announcedBus: before?.announcedBus ?? bus,
    between: before?.between,
  }
}

export type ClusterNode = Awaited<ReturnType<typeof startNode>>

const share = (index: number) => Math.floor((SLOTS * index) / MASTERS)

const introduce = async (nodes: ReadonlyArray<ClusterNode>, isEncrypted: boolean) => {
  const [first, ...others] = nodes as [ClusterNode, ...ClusterNode[]]
  await Promise.all(nodes.map(({ call }, index) => call("SET-CONFIG-EPOCH", `${index + 1}`)))
  const place = [`${isEncrypted ? first.tlsPort : first.announced}`, `${first.announcedBus}`]
  for (const { call } of others) await call("MEET", "127.0.0.1", ...place)
  for (const [index, { call }] of nodes.slice(0, MASTERS).entries()) {
    await call("ADDSLOTSRANGE", `${share(index)}`, `${share(index + 1) - 1}`)
  }
}

const untilWell = async (nodes: ReadonlyArray<ClusterNode>) => {
  for (const { call } of nodes) {
    await until("the cluster is well", async () => {
      const info = await call("INFO")
      return (
        /cluster_state:ok/.test(info) &&
        info.includes(`cluster_known_nodes:${nodes.length}`) &&
        info.includes(`cluster_size:${MASTERS}`)
      )
    })
  }
}

const follow = async (master: ClusterNode, replica: ClusterNode) => {
  await replica.call("REPLICATE", master.id)
  await until("the replica follows", async () =>
    (await replica.connection.info("replication")).includes("master_link_status:up"),
  )
}

export const startCluster = async (options: ClusterOptions = {}) => {
  const count = options.replicas ? 2 * MASTERS : MASTERS
  const nodes = await Promise.all(Array.from({ length: count }, (_, at) => startNode(options, at)))
  const close = async () => void (await Promise.all(nodes.map((node) => node.close())))
  const [masters, replicas] = [nodes.slice(0, MASTERS), nodes.slice(MASTERS)]
  const nodeOf = (port: number) =>
    nodes.find(({ announced, tlsPort }) => announced === port || tlsPort === port) as ClusterNode
  try {
    await introduce(nodes, options.tls !== undefined)
    await untilWell(nodes)
    await Promise.all(replicas.map((node, index) => follow(masters[index] as ClusterNode, node)))
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...{ nodes, masters, replicas, close },
    /** Of some of its nodes, by default all; `credentials` are such as `user:password@`. */
    url: (some: ReadonlyArray<ClusterNode> = nodes, credentials = "") =>
      `redis+cluster://${credentials}${some.map(({ announced }) => `127.0.0.1:${announced}`).join(",")}`,
    tlsUrl: (some: ReadonlyArray<ClusterNode> = nodes, credentials = "") =>
      `redis+clusters://${credentials}${some.map(({ tlsPort }) => `localhost:${tlsPort}`).join(",")}`,
    slotOf: async (key: string) => Number(await nodes[0]?.call("KEYSLOT", key)),
    /** All run and hear one another, and each replica follows its master. */
    heal: async () => {
      for (const node of nodes) node.kill("SIGCONT")
      await Promise.all(nodes.map((node) => node.start()))
      for (const { between } of nodes) between?.heal()
      await untilWell(nodes)
      await untilFollowed(nodes, replicas.length)
    },
    /** Who owns a slot, as that node sees it. */
    ownerOf: async (slot: number, asked = nodes[0] as ClusterNode): Promise<ClusterNode | null> => {
      const ranges = (await asked.connection.call("CLUSTER", "SLOTS")) as unknown as ReadonlyArray<
        readonly [number, number, readonly [string, number]]
      >
      const range = ranges.find(([first, last]) => first <= slot && slot <= last)
      return range ? nodeOf(range[2][1]) : null
    },
    /** Moves a slot with its keys, as `redis-cli --cluster reshard` does. */
    moveSlot: async (slot: number, from: ClusterNode, to: ClusterNode, password?: string) => {
      await to.call("SETSLOT", `${slot}`, "IMPORTING", from.id)
      await from.call("SETSLOT", `${slot}`, "MIGRATING", to.id)
      const keys = await from.connection.call("CLUSTER", "GETKEYSINSLOT", slot, 1_000)
      if ((keys as string[]).length > 0) {
        const place = ["127.0.0.1", `${to.port}`, "", "0", "5000"]
        const auth = password ? ["AUTH", password] : []
        await from.connection.call("MIGRATE", ...place, ...auth, "KEYS", ...(keys as string[]))
      }
      for (const node of [to, from]) await node.call("SETSLOT", `${slot}`, "NODE", to.id)
    },
  }
}

export const useCluster = (options: ClusterOptions = {}): (() => TestCluster) => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster(options)
  })
  afterAll(() => cluster?.close())
  return () => cluster
}

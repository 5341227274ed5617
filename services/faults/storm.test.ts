/**
 * The storm: hot keys and whatever else clients write (see `testing/writer.ts`), while five lanes of faults
 * break everything at once, in an order that the seed decides. Then all is healed, drains, and is held
 * against the oracle; and the storm is asked whether it was one.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import { POISON_SQL } from "../testing/sent.ts"
import type { Stack } from "../testing/stack.ts"
import { makeChance } from "./testing/chance.ts"
import { type Havoc, makeHavoc } from "./testing/havoc.ts"
import { DRAIN_LIMIT_MILLIS, SEED, STORM_SECONDS } from "./testing/settings.ts"
import { faults, useFaultStack } from "./testing/stack.ts"
import { makeWriter } from "./testing/writer.ts"

const WRITERS = 10
const HOT_KEYS = 4

/** About 200 writes a second in all, so that there is room for faults on two cores. */
const BETWEEN_WRITES_MILLIS = 40
const BETWEEN_FAULTS_MILLIS = 1_200

/** How much longer a storm may go on until each kind of fault and of recovery was seen. */
const EXTRA_MILLIS = 40_000

const LATE = /late acknowledgement was refused/

faults(`a storm with seed ${SEED}`, () => {
  const stack = useFaultStack({ workers: 3 })

  const write = async ({ oracle }: Stack, writer: number, isOver: () => boolean) => {
    const name = oracle.name("storm")
    const writeOne = makeWriter(oracle, makeChance(SEED + 1_000 + writer), name)
    for (let round = 0; !isOver(); round++) {
      await writeOne(`${name}:${round}`)
      await sleep(BETWEEN_WRITES_MILLIS)
    }
  }
  /** The only writer of its key, so that the order of its writes is known. */
  const writeHot = async ({ oracle }: Stack, isOver: () => boolean) => {
    const key = oracle.name("hot")
    for (let round = 0; !isOver(); round++) {
      await oracle.post(key, `round ${round}`)
      await sleep(BETWEEN_WRITES_MILLIS)
    }
  }

  test("loses nothing, counts nothing twice, and lets nothing appear that was refused", async () => {
    const { oracle, client, postgres, members } = stack()
    await postgres.sql(POISON_SQL)
    const happened = new Map<string, number>()
    const lacking: string[] = []
    const begin = performance.now()
    const passed = () => performance.now() - begin

    /** What a storm must have met to prove anything. */
    const find = async () => {
      const redelivered = (await client.stats().catch(() => null))?.redelivered ?? 0
      const late = members.reduce((sum, member) => sum + member.said(LATE), 0)
      const applied = await oracle.applied().catch(() => 0)
      lacking.length = 0
      if (!(redelivered > 0)) lacking.push("a batch was redelivered")
      if (late === 0) lacking.push("a late acknowledgement was refused")
      if (applied === 0) lacking.push("an unknown outcome was applied")
      const [commits, replays] = [oracle.commits(), oracle.replays()]
      if (commits === 0) lacking.push("a client was told of a commit")
      if (replays === 0) lacking.push("a write was repeated under its key")
      return { redelivered, late, applied, commits, replays }
    }
    const isTooLate = () => passed() > STORM_SECONDS * 1_000 + EXTRA_MILLIS
    const isOver = () => passed() > STORM_SECONDS * 1_000 && (lacking.length === 0 || isTooLate())

    const rage = async (havoc: Havoc, index: number) => {
      const chance = makeChance(SEED + index)
      const kinds = Object.keys(havoc)
      // Once around, what did not come to pass again at the end; then at random, until it is over.
      const left = chance.shuffle(kinds)
      while (!isOver() || (left.length > 0 && !isTooLate())) {
        const kind = left.shift() ?? chance.pick(kinds)
        if ((await havoc[kind]?.()) !== false) happened.set(kind, (happened.get(kind) ?? 0) + 1)
        else if (!happened.has(kind)) left.push(kind)
        await sleep(chance.between(0, BETWEEN_FAULTS_MILLIS))
      }
    }
    const watch = async () => {
      lacking.push("not looked yet")
      while (!isOver()) {
        await sleep(1_000)
        if (passed() > STORM_SECONDS * 1_000) await find()
      }
    }
    const lanes = makeHavoc(stack(), makeChance(SEED))
    const raging = Promise.all([...lanes.map(rage), watch()]).then(() => {
      isCalm = true
    })
    let isCalm = false
    await Promise.all([
      raging,
      ...Array.from({ length: WRITERS }, (_, writer) => write(stack(), writer, () => isCalm)),
      ...Array.from({ length: HOT_KEYS }, () => writeHot(stack(), () => isCalm)),
    ])

    await stack().heal()
    const healed = performance.now()
    await client.drained(DRAIN_LIMIT_MILLIS)
    const drainedMillis = Math.round(performance.now() - healed)
    expect(drainedMillis).toBeLessThan(DRAIN_LIMIT_MILLIS)
    const seen = await find()
    const outcomes = (["ok", "refused", "unknown"] as const).map((o) => `${oracle.count(o)} ${o}`)
    console.log(
      [
        `seed ${SEED}, ${Math.round((healed - begin) / 1_000)} s: ${outcomes.join(", ")}`,
        `healed and drained in ${drainedMillis} ms, ${oracle.samples()} samples, ${JSON.stringify(seen)}`,
        ...[...happened].map(([kind, times]) => `${String(times).padStart(4)} × ${kind}`),
        `again: npm run test:faults -- --seed ${SEED} storm`,
      ].join("\n"),
    )
    const kinds = lanes.flatMap((havoc) => Object.keys(havoc))
    expect(kinds.filter((kind) => !happened.has(kind))).toEqual([])
    expect(lacking).toEqual([])
    expect(oracle.samples()).toBeGreaterThan(10)
    expect(oracle.count("ok")).toBeGreaterThan(100)
  })
})

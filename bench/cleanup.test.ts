import { describe, expect, it } from "vitest"
import { Cleanup } from "./cleanup.ts"

const make = () => {
  const stopped: string[] = []
  const thing = (name: string) => ({ stop: async () => void stopped.push(name) })
  return { cleanup: new Cleanup(), stopped, thing }
}

describe("Cleanup", () => {
  it("stops what is left, latest first, and each thing once", async () => {
    const { cleanup, stopped, thing } = make()
    const first = await cleanup.add(Promise.resolve(thing("first")))
    await cleanup.add(Promise.resolve(thing("second")))
    await cleanup.add(Promise.resolve(thing("third")))
    await cleanup.stop(first)
    await cleanup.stop(first)
    await cleanup.close()
    expect(stopped).toEqual(["first", "third", "second"])
  })

  it("stops what becomes ready after the end, and says so", async () => {
    const { cleanup, stopped, thing } = make()
    const starting = cleanup.add(Promise.resolve(thing("late")))
    await cleanup.close()
    await expect(starting).rejects.toThrow("the run has ended")
    expect(stopped).toEqual(["late"])
  })
})

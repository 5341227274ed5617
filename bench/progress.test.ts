import { describe, expect, it } from "vitest"
import { clock, Progress } from "./progress.ts"

const make = (isTTY: boolean, totalSeconds: number) => {
  const time = { now: 0 }
  const lines: string[] = []
  const output = { isTTY, columns: 60, write: (text: string) => lines.push(text) }
  const progress = new Progress(output, totalSeconds, () => time.now)
  return { time, lines, progress }
}

describe("Progress", () => {
  it("prints a line for each step where there is no terminal", () => {
    const { time, lines, progress } = make(false, 20)
    progress.step("first", 10)
    time.now = 10
    progress.step("second", 10)
    progress.end()
    expect(lines).toEqual(["  0% 0:20 left first\n", " 50% 0:10 left second\n"])
  })

  it("draws a bar on a terminal, never wider than it", () => {
    const { lines, progress } = make(true, 20)
    progress.step("a title that is longer than the terminal is wide", 10)
    progress.end()
    const bar = lines[0]?.replace("\r\x1b[K", "") ?? ""
    expect(bar).toMatch(/^░+ {3}0% 0:20 left {2}a title/)
    expect(bar.length).toBeLessThan(60)
    expect(lines.at(-1)).toBe("\r\x1b[K")
  })

  it("corrects its estimate by how long the steps took", () => {
    const { time, progress } = make(false, 30)
    progress.step("first", 10)
    time.now = 20
    progress.step("second", 20)
    expect(progress.remaining()).toBe(40)
    time.now = 25
    expect(progress.remaining()).toBe(35)
  })
})

describe("clock", () => {
  it("is minutes and seconds", () => {
    expect([0, 59.6, 61, -3].map(clock)).toEqual(["0:00", "1:00", "1:01", "0:00"])
  })
})

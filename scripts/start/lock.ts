/**
 * One `npm start` a directory. A second start must learn of the first before it takes the stores of the
 * first for leftovers and stops them. The lock is a file with the holder's pid and command line; it is free when
 * no process of that pid has that command line.
 */
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { commandLine } from "../servers/leftover.ts"

const TRIES = 3

/**
 * Takes the lock; resolves to a function that gives it back.
 * @throws when a living process has it.
 */
export const lock = async (directory: string): Promise<() => Promise<void>> => {
  const path = join(directory, "start.pid")
  const own = `${process.pid}\n${await commandLine(process.pid)}`
  for (let left = TRIES; left > 0; left--) {
    try {
      await writeFile(path, own, { flag: "wx" })
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    const held = await readFile(path, "utf8").catch(() => "")
    const pid = Number.parseInt(held, 10)
    const command = await commandLine(pid)
    if (command !== "" && held === `${pid}\n${command}`) {
      throw new Error(`Already running here, as process ${pid}: stop that first (kill ${pid})`)
    }
    await rm(path, { force: true })
  }
  throw new Error(`Cannot take ${path}: another start takes it at the same time`)
}

/** What must be stopped when a run ends, however it ends: latest first, and each once. */

export interface Stoppable {
  stop(): Promise<void>
}

export class Cleanup {
  private readonly open = new Set<Stoppable>()
  private isClosed = false

  /** @throws when the run has ended meanwhile; then the thing is stopped first. */
  async add<A extends Stoppable>(starting: Promise<A>): Promise<A> {
    const thing = await starting
    if (this.isClosed) {
      await thing.stop()
      throw new Error("the run has ended")
    }
    this.open.add(thing)
    return thing
  }

  async stop(thing: Stoppable): Promise<void> {
    if (this.open.delete(thing)) await thing.stop()
  }

  /** Stops all that is left. What cannot be stopped does not keep the others from it. */
  async close(): Promise<void> {
    this.isClosed = true
    for (const thing of [...this.open].reverse()) {
      await this.stop(thing).catch((error) => console.error(`bench: ${(error as Error).message}`))
    }
  }
}

/** The names of a queue in Redis. All hash to the slot of the queue's own name, so that one shard holds it. */

/** The list, whose length is the depth, has the queue's name; the others begin with it, as a hash tag. */
export const queueKeys = (name: string) => {
  const tag = /\{[^}]+\}/.test(name) ? name : `{${name}}`
  return {
    waiting: name,
    layout: `${tag}:layout`,
    leases: `${tag}:leases`,
    workers: `${tag}:workers`,
    holds: `${tag}:holds`,
    counters: `${tag}:counters`,
    dead: `${tag}:dead`,
    lostLeases: `${tag}:silences`,
    asked: `${tag}:asked`,
    outcomePrefix: `${tag}:outcome:`,
    oncePrefix: `${tag}:once:`,
    lots: `${tag}:lots`,
    lotPrefix: `${tag}:lot:`,
    batchPrefix: `${tag}:batch:`,
    batch: (id: string) => `${tag}:batch:${id}`,
  }
}

export type QueueKeys = ReturnType<typeof queueKeys>

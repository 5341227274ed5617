/**
 * The ledger of a load: which writes were sent, and which were accepted. Every write has a mark of its
 * own, so that one that is lost cannot hide behind a later one of the same key, and can be counted.
 */
import { type Marked, NUMBER_DIGITS } from "./mark.ts"

/** One client's requests are numbered from 0. */
export interface Account {
  readonly client: number
  sent: number
  answered: number
  /** Numbers of requests whose writes nobody promised: refused, or without an answer. */
  readonly unpromised: Set<number>
}

export class Ledger {
  readonly label: string
  private readonly markOf: Marked["mark"]
  private readonly rows: number
  readonly accounts: Account[] = []
  /** Writes, as are the others. */
  accepted = 0
  refused = 0
  /** Without an answer: a timeout or a connection that was lost. */
  unanswered = 0

  /** `label` must be new in the table; of each request there are so many `rows`. */
  constructor(label: string, { mark }: Pick<Marked, "mark">, rows = 1) {
    this.label = label
    this.markOf = mark
    this.rows = rows
  }

  open(): Account {
    const account = {
      client: this.accounts.length,
      sent: 0,
      answered: 0,
      unpromised: new Set<number>(),
    }
    this.accounts.push(account)
    return account
  }

  /** In the order of the client's requests, unless it says to which of them. */
  answer(account: Account, isAccepted: boolean, number = account.answered): void {
    if (isAccepted) this.accepted += this.rows
    else {
      this.refused += this.rows
      account.unpromised.add(number)
    }
    account.answered += 1
  }

  /** What was sent and not answered never will be: the connection is gone. */
  lose(account: Account): void {
    while (account.answered < account.sent) {
      account.unpromised.add(account.answered)
      account.answered += 1
      this.unanswered += this.rows
    }
  }

  /** What is under way when the load ends was not promised either, and is nobody's failure. */
  close(): void {
    for (const account of this.accounts) {
      for (; account.answered < account.sent; account.answered++) {
        account.unpromised.add(account.answered)
      }
    }
  }

  /** The mark of every write that was accepted. */
  *promised(): Generator<string> {
    for (const { client, sent, unpromised } of this.accounts) {
      for (let number = 0; number < sent; number++) {
        if (unpromised.has(number)) continue
        for (let row = 0; row < this.rows; row++) yield this.mark(client, number * this.rows + row)
      }
    }
  }

  mark(client: number, number: number): string {
    return this.markOf(this.label, client, number)
  }
}

/** Replaces the digits that end at `end` by those of `number`. */
export const writeNumber = (bytes: Uint8Array, end: number, number: number): void => {
  let rest = number
  for (let at = end - 1; at >= end - NUMBER_DIGITS; at--) {
    bytes[at] = 48 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
}

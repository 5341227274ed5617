/**
 * How a step of the protocol is declared: its keys, its arguments and its reply by name, and its Lua. The
 * names are the Lua's local variables and the properties of the call, so that their order stands here
 * alone, and a wrong key, argument or reply is an error of the compiler.
 */

import type { QueueKeys } from "./keys.ts"
import { PRELUDE } from "./prelude.ts"

/** How a value becomes an argument, and how the Lua reads it. */
interface Kind<A> {
  readonly encode: (value: A) => string | number | ReadonlyArray<string>
  readonly lua: (index: number) => string
}

export const number: Kind<number> = {
  encode: (value) => value,
  lua: (index) => `tonumber(ARGV[${index}])`,
}
export const text: Kind<string> = { encode: (value) => value, lua: (index) => `ARGV[${index}]` }
export const flag: Kind<boolean> = {
  encode: (value) => (value ? 1 : 0),
  lua: (index) => `(ARGV[${index}] == '1')`,
}
/** One that most calls leave out. */
export const optional = <A>(kind: Kind<A>, fallback: A): Kind<A | undefined> => ({
  encode: (value) => kind.encode(value ?? fallback),
  lua: kind.lua,
})
/** All arguments from here on: the last one of a script. */
export const list: Kind<ReadonlyArray<string>> = {
  encode: (value) => value,
  lua: (index) => `argumentsFrom(${index})`,
}

/** What Redis does with a script when it is full; see the prelude. */
const SHEBANG = {
  /** Refuses it as a whole, also when it cannot keep its log or is a replica. */
  fills: "#!lua",
  /** Runs it: a full Redis must still drain. */
  drains: "#!lua flags=allow-oom",
  looks: "#!lua flags=allow-oom,no-writes",
} as const

type Kinds = Readonly<Record<string, Kind<never>>>
type Value<K> = K extends Kind<infer V> ? V : never
type Given<A> = {
  readonly [N in keyof A as undefined extends Value<A[N]> ? never : N]: Value<A[N]>
} & {
  readonly [N in keyof A as undefined extends Value<A[N]> ? N : never]?: Value<A[N]>
}

interface Definition<K extends keyof QueueKeys, A, Raw, Reply> {
  readonly mode: keyof typeof SHEBANG
  /** The key "batch" is the list of the batch that the argument `id` names. */
  readonly keys: ReadonlyArray<K> & ("batch" extends K ? { id?: never } : unknown)
  readonly args: A & ("batch" extends K ? { readonly id: typeof text } : unknown)
  readonly reply: (raw: Raw) => Reply
  readonly lua: string
}

export interface Script<Call, Reply> {
  readonly numberOfKeys: number
  readonly lua: string
  readonly parametersOf: (keys: QueueKeys, call: Call) => ReadonlyArray<string | number>
  readonly reply: (raw: unknown) => Reply
}

export const script = <const K extends keyof QueueKeys, A extends Kinds, Raw, Reply>({
  mode,
  keys,
  args,
  reply,
  lua,
}: Definition<K, A, Raw, Reply>): Script<Given<A>, Reply> => {
  const kinds = Object.entries<Kind<never>>(args)
  const locals = [
    ...keys.map((key, index) => `local ${key} = KEYS[${index + 1}]`),
    ...kinds.map(([name, kind], index) => `local ${name} = ${kind.lua(index + 1)}`),
  ]
  return {
    numberOfKeys: keys.length,
    lua: `${SHEBANG[mode]}\n${PRELUDE}${locals.join("\n")}\n${lua}`,
    parametersOf: (names, call) => [
      ...keys.map((key) => {
        const name = names[key]
        return typeof name === "string" ? name : name((call as unknown as { id: string }).id)
      }),
      ...kinds.flatMap(([name, kind]) =>
        kind.encode((call as Readonly<Record<string, never>>)[name] as never),
      ),
    ],
    reply: reply as (raw: unknown) => Reply,
  }
}

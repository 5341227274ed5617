/**
 * The command line of `npm run queue`. Each command takes what its row names: whatever else an operator
 * wrote was meant to narrow the command, and to ignore it would do more than was meant.
 */
import { parseArgs } from "node:util"
import { UsageError } from "./usage.ts"

const text = { type: "string" } as const
const flag = { type: "boolean" } as const

const OPTIONS = {
  limit: text,
  after: text,
  reason: text,
  key: text,
  table: text,
  confirm: text,
  all: flag,
  json: flag,
  help: { ...flag, short: "h" },
} as const

type Option = keyof typeof OPTIONS

/** Beside --json and --help. Who takes --all takes versions too. */
const TAKES = {
  depth: [],
  peek: ["limit"],
  dead: ["limit", "after", "reason", "key", "table"],
  reasons: ["reason", "key", "table"],
  replay: ["all", "reason", "key", "table", "confirm"],
  discard: ["all", "reason", "key", "table", "confirm"],
  purge: ["confirm"],
  adopt: [],
  shards: [],
  pause: [],
  resume: [],
} as const satisfies Readonly<Record<string, ReadonlyArray<Option>>>

type Name = keyof typeof TAKES

const EVERYWHERE: ReadonlyArray<string> = ["json", "help"]

const parse = (parameters: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...parameters],
      options: OPTIONS,
      allowPositionals: true,
      tokens: true,
    })
  } catch (error) {
    // The first sentence names the option; the others are about how to pass it as something else.
    const [sentence = ""] = (error as Error).message.split(/\.\s/)
    throw new UsageError(sentence)
  }
}

/** The options that were given, beside those of every command; each once, and none empty. */
const givenOptions = ({ tokens, values }: ReturnType<typeof parse>): ReadonlyArray<string> => {
  const names = tokens
    .flatMap((token) => (token.kind === "option" ? [token.name] : []))
    .filter((name) => !EVERYWHERE.includes(name))
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) throw new UsageError(`--${name} is there twice`)
    // As of a variable of the shell that is not set.
    if (values[name as Option] === "") throw new UsageError(`--${name} is empty`)
  }
  return names
}

const isName = (text: string): text is Name => Object.hasOwn(TAKES, text)

const check = (name: Name, versions: ReadonlyArray<string>, given: ReadonlyArray<string>) => {
  const takes: ReadonlyArray<string> = TAKES[name]
  const wrong = given.find((option) => !takes.includes(option))
  if (wrong !== undefined) throw new UsageError(`${name} takes no --${wrong}`)
  // How many there are to be; without it, how they are.
  const most = name === "shards" ? 1 : 0
  if (!takes.includes("all")) {
    const excess = versions.slice(most).join(" ")
    if (excess !== "") throw new UsageError(`${name} does not take ${excess}`)
  } else if (versions.length > 0 ? given.length > 0 : !given.includes("all")) {
    throw new UsageError("name versions and no options, or --all")
  }
}

/** Null when the operator asks how the command is used. */
export const readCommand = (parameters: ReadonlyArray<string>) => {
  const parsed = parse(parameters)
  const [name, ...versions] = parsed.positionals
  if (parsed.values.help || name === "help") return null
  if (name === undefined) throw new UsageError("no command")
  if (!isName(name)) throw new UsageError(`no command ${name}`)
  check(name, versions, givenOptions(parsed))
  return { ...parsed.values, name, versions }
}

export type Command = NonNullable<ReturnType<typeof readCommand>>

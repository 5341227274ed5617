import { expect, test } from "vitest"
import { readCommand, TableError } from "./command.ts"

const read = (line: string) => readCommand(line.split(" ").filter((word) => word !== ""))

test("a command is a table, and what becomes of it", () => {
  expect(read("views_in_tests --from postgres")).toEqual({
    name: "views_in_tests",
    does: "declare",
  })
  expect(read("--sql views_in_tests")).toEqual({ name: "views_in_tests", does: "print" })
  expect(read("views_in_tests --sql --write")).toEqual({ name: "views_in_tests", does: "write" })
})

test.each(["", "-h", "--help", "views_in_tests --sql --help"])("asks for help: %s", (line) => {
  expect(read(line)).toBeNull()
})

test.each([
  ["views_in_tests", "one of --from postgres and --sql is needed"],
  ["views_in_tests --write", "one of --from postgres and --sql is needed"],
  ["views_in_tests --sql --from postgres", "one of --from postgres and --sql is needed"],
  ["views_in_tests --from postgres --write", "--write goes with --sql"],
  ["views_in_tests --from mysql", "--from takes postgres alone"],
  ["views_in_tests --from", "Option '--from <value>' argument missing"],
  ["views_in_tests --sq", "Unknown option '--sq'"],
  ["--sql", "no table is named"],
  ["a b --sql", "one table at a time: a or b"],
  ["public.a --sql", '"public.a" is no name: letters, digits and underscores are'],
])("is refused: %s", (line, sentence) => {
  expect(() => read(line)).toThrow(new TableError(sentence))
})

/** What tests do to the table behind the back of the services, and the name by which they do it. */
import { TABLES } from "../tables.ts"

export const TABLE = "key_values"

export const HIDE_TABLE = `alter table ${TABLE} rename to elsewhere`
export const SHOW_TABLE = `alter table elsewhere rename to ${TABLE}`

/** All tables, that of the user who declares one among them. */
export const HIDE_ALL = Object.keys(TABLES).map(
  (name) => `alter table ${name} rename to ${name}_gone`,
)
export const SHOW_ALL = Object.keys(TABLES).map(
  (name) => `alter table ${name}_gone rename to ${name}`,
)

/** Has each row run these statements of PL/pgSQL before it is written; dropping the function ends it. */
export const onEachRow = (name: string, statements: string, when = "before insert") => `
  create function ${name}() returns trigger language plpgsql as
  $$ begin ${statements}; return new; end $$;
  create trigger ${name} ${when} on ${TABLE} for each row execute function ${name}()`

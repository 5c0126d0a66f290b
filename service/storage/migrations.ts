import type { Database } from 'better-sqlite3'
import { EdgeError } from '#contract/errors.ts'

/** SQL that leads from one version of a schema to the next. Never changed once released, only followed by another. */
export type Migrations = readonly string[]

/** Brings a database to the newest version, each step in a transaction of its own. */
export function migrate(database: Database, migrations: Migrations): void {
  const version = Number(database.pragma('user_version', { simple: true }))
  if (version > migrations.length)
    throw new EdgeError(
      'storage.newer',
      `${database.name} was written by a newer version of the service (schema ${version}, this version knows ${migrations.length})`,
    )
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue
    database.transaction(() => {
      database.exec(sql)
      database.pragma(`user_version = ${index + 1}`)
    })()
  }
}

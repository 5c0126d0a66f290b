import { existsSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { EdgeError, type ErrorCode } from '#contract/errors.ts'
import { folderError } from './folder.ts'
import { migrate, type Migrations } from './migrations.ts'

export interface DatabaseOptions {
  readonly file: string
  readonly migrations: Migrations
  /** FULL: a commit survives a power cut. NORMAL: the last second may be lost, the database stays whole. */
  readonly synchronous: 'NORMAL' | 'FULL'
  /** Largest size of the file. */
  readonly maxBytes?: number
  /** Databases up to this size are checked as a whole. */
  readonly checkedBytes: number
  /** Wall clock, for the name of a file that is set aside. */
  readonly nowMs: number
  /** Known to be damaged: set aside unseen. */
  readonly damaged: boolean
}

export interface OpenedDatabase {
  readonly database: Database
  /** Where the damaged file is now, when there was one. */
  readonly setAside?: string
}

/** Page cache of each database. */
const cacheKb = 4096

const codeOf = (error: unknown): string => (error instanceof SqliteDatabase.SqliteError ? error.code : '')

export const isDamage = (error: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error))

/** After a failed write or sync nothing is known about the file any more. */
export const needsReopening = (error: unknown): boolean => /^SQLITE_(IOERR|READONLY|CANTOPEN)/.test(codeOf(error))

/** What a failure of SQLite means to a person. */
export function storageError(error: unknown, folder: string): EdgeError {
  if (error instanceof EdgeError) return error
  const text = error instanceof Error ? error.message : String(error)
  const because = { cause: error }
  const sqlite = codeOf(error)
  const told = (code: ErrorCode, message: string): EdgeError => new EdgeError(code, message, because)
  if (sqlite === 'SQLITE_FULL')
    return told('storage.full', `the disk or the space allowed for the data folder ${folder} is full`)
  if (/^SQLITE_(CANTOPEN|READONLY|PERM)/.test(sqlite)) return folderError(folder, error)
  return told('storage.down', `the database in ${folder} does not work: ${text}`)
}

/** Opens a database in WAL mode at the newest schema. A damaged one is renamed, never deleted, and a new one started. */
export function openDatabase(options: DatabaseOptions): OpenedDatabase {
  if (options.damaged) return startAfresh(options)
  try {
    return { database: open(options) }
  } catch (error) {
    if (!isDamage(error)) throw error
    return startAfresh(options)
  }
}

function startAfresh(options: DatabaseOptions): OpenedDatabase {
  const setAside = rename(options.file, options.nowMs)
  const database = open(options)
  return setAside === undefined ? { database } : { database, setAside }
}

function open(options: DatabaseOptions): Database {
  const { file, migrations, synchronous, maxBytes, checkedBytes } = options
  const database = new SqliteDatabase(file, { timeout: 1000 })
  try {
    database.pragma('journal_mode = WAL')
    database.pragma(`cache_size = -${cacheKb}`)
    database.pragma(`synchronous = ${synchronous}`)
    database.pragma(`journal_size_limit = ${16 * 1024 ** 2}`)
    if (maxBytes !== undefined) {
      const pageBytes = Number(database.pragma('page_size', { simple: true }))
      database.pragma(`max_page_count = ${Math.floor(maxBytes / pageBytes)}`)
    }
    if (statSync(file).size <= checkedBytes) quickCheck(database)
    migrate(database, migrations)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function quickCheck(database: Database): void {
  const found = String(database.pragma('quick_check(1)', { simple: true }))
  if (found !== 'ok') throw new SqliteDatabase.SqliteError(found, 'SQLITE_CORRUPT')
}

/** Renames a database with what belongs to it, so that it can still be opened under its new name. */
function rename(file: string, nowMs: number): string | undefined {
  const time = new Date(nowMs).toISOString().replaceAll(':', '-').replace('.', '-')
  const target = file.replace(/\.db$/, `.corrupt-${time}.db`)
  let setAside: string | undefined
  for (const suffix of ['', '-wal', '-shm']) {
    if (!existsSync(file + suffix)) continue
    renameSync(file + suffix, target + suffix)
    setAside = target
  }
  return setAside
}

/**
 * Holds the folder for this process. The lock is the operating system's and ends with the process however that ends. The
 * file must not be opened by anything else in this process: closing it there would drop the lock.
 */
export function lockFolder(file: string): Database {
  const database = new SqliteDatabase(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error
    throw new EdgeError('storage.busy', `the data folder ${dirname(file)} is in use by another service`, {
      cause: error,
    })
  }
}

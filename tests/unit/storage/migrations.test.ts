import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { migrate } from '../../../service/storage/migrations.ts'

const first = 'CREATE TABLE a (x INTEGER) STRICT'
const second = 'ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO a VALUES (1, NULL)'

const version = (database: SqliteDatabase.Database): unknown => database.pragma('user_version', { simple: true })

test('only the missing steps are carried out', () => {
  const database = new SqliteDatabase(':memory:')
  migrate(database, [first])
  expect(version(database)).toBe(1)
  migrate(database, [first, second])
  migrate(database, [first, second])
  expect(version(database)).toBe(2)
  expect(database.prepare('SELECT * FROM a').all()).toEqual([{ x: 1, y: null }])
})

test('a step that fails leaves nothing of itself', () => {
  const database = new SqliteDatabase(':memory:')
  expect(() => migrate(database, [first, 'INSERT INTO a VALUES (7); INSERT INTO missing VALUES (1)'])).toThrow(
    /missing/,
  )
  expect(version(database)).toBe(1)
  expect(database.prepare('SELECT * FROM a').all()).toEqual([])
})

test('a newer schema is refused', () => {
  const database = new SqliteDatabase(':memory:')
  database.pragma('user_version = 3')
  expect(() => migrate(database, [first, second])).toThrow(/newer version of the service \(schema 3, .* knows 2\)/)
})

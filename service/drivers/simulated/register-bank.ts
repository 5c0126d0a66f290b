/** Modbus exception codes that a register bank can give (Modbus 1.1b3 section 7). */
export const exceptionCode = { illegalFunction: 1, illegalAddress: 2, illegalValue: 3 } as const

export type Table = 'holding' | 'input' | 'coil' | 'discrete'

/** One value in consecutive registers, or one bit in a bit table. */
export interface RegisterField {
  readonly table: Table
  readonly address: number
  /** Registers it takes; 1 for bits. */
  readonly words: number
  /** The words at this moment, most significant first; bits as 0 or 1. */
  read(): readonly number[]
  /** Absent for read-only fields. A refused value is answered with exception 03. */
  readonly write?: FieldWrite
}

export interface FieldWrite {
  accepts(words: readonly number[]): boolean
  apply(words: readonly number[]): void
}

/** Words, or the exception code to answer with. */
export type BankAnswer = readonly number[] | { readonly exception: number }

/** What a Modbus server reads from and writes to. */
export interface RegisterBank {
  read(table: Table, address: number, count: number): BankAnswer
  /** All or nothing: a value that is refused leaves every register as it was. */
  write(table: 'holding' | 'coil', address: number, words: readonly number[]): BankAnswer
}

interface Cell {
  readonly field: RegisterField
  readonly offset: number
}

const refused = (exception: number): BankAnswer => ({ exception })

/** A bank of the given fields. Addresses without a field are answered with exception 02. Throws when fields overlap. */
export function createRegisterBank(fields: readonly RegisterField[]): RegisterBank {
  const tables: Record<Table, Map<number, Cell>> = {
    holding: new Map(),
    input: new Map(),
    coil: new Map(),
    discrete: new Map(),
  }
  for (const field of fields)
    for (let offset = 0; offset < field.words; offset++) {
      const cells = tables[field.table]
      if (cells.has(field.address + offset)) throw new RangeError(`two fields at ${field.table} ${field.address}`)
      cells.set(field.address + offset, { field, offset })
    }

  function write(table: 'holding' | 'coil', address: number, words: readonly number[]): BankAnswer {
    const cells = tables[table]
    const writes: { write: FieldWrite; words: readonly number[] }[] = []
    for (let at = 0; at < words.length;) {
      const cell = cells.get(address + at)
      // Half of a value cannot be written.
      if (!cell?.field.write || cell.offset !== 0 || at + cell.field.words > words.length)
        return refused(exceptionCode.illegalAddress)
      writes.push({ write: cell.field.write, words: words.slice(at, at + cell.field.words) })
      at += cell.field.words
    }
    if (!writes.every((entry) => entry.write.accepts(entry.words))) return refused(exceptionCode.illegalValue)
    for (const entry of writes) entry.write.apply(entry.words)
    return words
  }

  return {
    read(table, address, count) {
      const cells = tables[table]
      const words: number[] = []
      while (words.length < count) {
        const cell = cells.get(address + words.length)
        if (!cell) return refused(exceptionCode.illegalAddress)
        for (const word of cell.field.read().slice(cell.offset, cell.offset + count - words.length)) words.push(word)
      }
      return words
    },
    write,
  }
}

/** A bank that acknowledges every write and forgets it. */
export function forgetfulBank(bank: RegisterBank): RegisterBank {
  return { read: bank.read, write: (_table, _address, words) => words }
}

/** The bank as it reads now, for a device whose values no longer change. Writes still reach the device. */
export function frozenBank(bank: RegisterBank, fields: readonly RegisterField[]): RegisterBank {
  const image = createRegisterBank(
    fields.map((field) => {
      const words = [...field.read()]
      return { table: field.table, address: field.address, words: field.words, read: () => words }
    }),
  )
  return { read: image.read, write: bank.write }
}

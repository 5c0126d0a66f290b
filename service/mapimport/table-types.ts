import type { ImportColumn, MapFormat, MapImportOptions } from '#contract/map-import.ts'
import type { AddressCell } from './cells.ts'
import type { ForeignPoint } from './types.ts'

export interface TableRow {
  readonly number: number
  readonly cells: readonly string[]
  readonly address: AddressCell
  readonly function: ForeignPoint['keys']['function']
}

/** How a table is to be read, once its columns are known. */
export interface TablePlan {
  readonly file: string
  readonly format: MapFormat
  readonly columns: Partial<Record<ImportColumn, number>>
  /** Columns with names, the friendliest first. */
  readonly names: readonly number[]
  readonly titles: readonly string[]
  readonly comma: boolean
  readonly hexadecimal: boolean
  readonly base: '0' | '1' | 'modicon'
  readonly options: MapImportOptions
  /** What a row means that does not say which function it is read with. */
  readonly standard: NonNullable<ForeignPoint['keys']['function']>
}

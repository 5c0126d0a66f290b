import type { MapExportRequest, MapExportResult, MapImportOptions, MapImportResult } from '#contract/map-import.ts'

/** Maps of other formats as the API asks for them. */
export interface MapFileSources {
  /** Rejects with `workbench.busy`. What a file contains is an answer, never an error. */
  importMap(source: {
    readonly bytes: Uint8Array
    readonly name: string
    readonly options: MapImportOptions
  }): Promise<MapImportResult>
  /** Rejects with `workbench.busy`, or `api.invalid` for a text that is no map. */
  exportMap(request: MapExportRequest): Promise<MapExportResult>
}

import type { Principal } from '#contract/access.ts'
import type {
  EarlierMaps,
  MapChecked,
  MapCheckRequest,
  MapDocument,
  MapList,
  MapProposal,
  MapSave,
  MapSaved,
  MapValues,
  NewMap,
} from '#contract/map-editor.ts'

/** Point maps as the editor asks for them. What is refused rejects with `workbench.*` or device.unknown. */
export interface MapSources {
  list(): Promise<MapList>
  /** Rejects with workbench.unknown. */
  open(id: string): Promise<MapDocument>
  /** Rejects with workbench.changed when the text is not the one that the editor began with; nothing has changed then. */
  save(id: string, request: MapSave, by: Principal): Promise<MapSaved>
  /** Removes the site's own text; a shipped map is as it came again. Rejects with workbench.changed or workbench.refused. */
  remove(id: string, base: string, by: Principal): Promise<MapSaved>
  check(request: MapCheckRequest): Promise<MapChecked>
  /** Of a text that was checked before, by its key. Rejects with workbench.unknown or device.unknown. */
  values(key: string, device: string): Promise<MapValues>
  propose(request: NewMap): Promise<MapProposal>
  /** Texts that were replaced. */
  earlier(id: string): Promise<EarlierMaps>
  earlierText(id: string, name: string): Promise<string>
  /** The JSON Schema of point maps, for completion. */
  schemaText(): string
}

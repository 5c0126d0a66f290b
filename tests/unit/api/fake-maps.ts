import { EdgeError } from '#contract/errors.ts'
import type { MapDocument, MapSaved } from '#contract/map-editor.ts'
import type { MapSources } from '../../../service/api/map-sources.ts'

const text = 'format: 1\nmaker: Test\nmodel: Meter\nkind: meter\npoints:\n  powerW: { address: 0, type: int16 }\n'
const revision = '0123456789abcdef'

const document: MapDocument = {
  id: 'test/meter',
  maker: 'Test',
  model: 'Meter',
  kind: 'meter',
  state: 'own',
  draft: false,
  staged: false,
  undeployed: false,
  users: [
    {
      device: 'meter',
      name: 'Grid meter',
      bus: 'tcp://127.0.0.1:5020',
      unitId: 1,
      link: 'online',
      signs: [],
      commands: [],
    },
  ],
  problem: null,
  text,
  revision,
  shipped: null,
}

/** One map, which answers as the real ones do. */
export function fakeMaps(): MapSources {
  const saved: MapSaved = { revision, outcome: 'saved', use: 'in-use', backup: null }
  const assertBase = (base: string): void => {
    if (base !== revision) throw new EdgeError('workbench.changed', 'the map was changed meanwhile')
  }
  const assertKnown = (id: string): void => {
    if (id !== document.id) throw new EdgeError('workbench.unknown', `there is no point map "${id}"`)
  }
  return {
    async list() {
      const { text: _text, revision: _revision, shipped: _shipped, ...summary } = document
      return { maps: [summary] }
    },
    async open(id) {
      assertKnown(id)
      return document
    },
    async save(_id, { base }) {
      assertBase(base)
      return saved
    },
    async remove(_id, base) {
      assertBase(base)
      return saved
    },
    check: async () => ({ key: revision, problems: [], points: [], plan: null, changes: null, changesLeftOut: 0 }),
    async values(key, device) {
      if (device !== 'meter') throw new EdgeError('device.unknown', `there is no device "${device}"`)
      if (key !== revision) throw new EdgeError('workbench.unknown', 'this text was not checked lately')
      return { device, from: 'live', recordedAtMs: null, link: 'online', nowMs: 1, values: [], measured: [] }
    },
    propose: async () => ({ id: document.id, text, notes: [] }),
    earlier: async () => ({ texts: [] }),
    async earlierText() {
      throw new EdgeError('workbench.unknown', 'there is no such earlier text')
    },
    schemaText: () => '{}\n',
  }
}

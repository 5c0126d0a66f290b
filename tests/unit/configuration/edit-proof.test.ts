import { describe, expect, it } from 'vitest'
import type { ProofTarget } from '#contract/verification.ts'
import { editProof } from '../../../service/configuration/edit-proof.ts'
import { parseSite } from '../../../service/configuration/site-document.ts'

const proof = { name: 'powerW', by: 'Anna', at: '2026-03-01T12:00:00.000Z', how: 'kettle' }
const site = `# A site
version: 2
name: Site
grids: [{ id: grid, name: Grid, connection: { id: main, name: Main } }]
devices:
  - { id: meter, name: Meter, role: grid-meter, map: a/b, connection: 'tcp://10.0.0.2' } # in the cellar
  - id: battery
    name: Battery
    role: battery
    connection: tcp://10.0.0.3
    # proven in spring
    verified: { commands: [setPowerW], signs: [powerW] } # both
    map: a/b
    battery: { minSocPercent: 15, maxSocPercent: 95, maxChargeW: 6000, maxDischargeW: 6000 }
`
const toml = `version = 2
name = "Site"
grids = [{ id = "grid", name = "Grid", connection = { id = "main", name = "Main" } }]

[[devices]] # in the cellar
id = "meter"
name = "Meter"
role = "grid-meter"
map = "a/b"
connection = "tcp://10.0.0.2"
verified = { signs = ["powerW"] }
`

function edit(text: string, target: ProofTarget, given: typeof proof | undefined, file = 'site.yaml'): string {
  const parsed = parseSite(text, file)
  if (parsed.problems) throw new Error(JSON.stringify(parsed.problems))
  return editProof(parsed.text, file, parsed.site, target, given)
}

const verifiedIn = (text: string, file = 'site.yaml'): unknown[] => {
  const parsed = parseSite(text, file)
  return parsed.problems ? [parsed.problems] : parsed.site.devices.map(({ verified }) => verified)
}

describe('editProof', () => {
  it('adds a proof to a device without any, and keeps every comment', () => {
    const text = edit(site, { deviceId: 'meter', kind: 'sign', name: 'powerW' }, proof)
    expect(verifiedIn(text)[0]).toEqual({ commands: [], signs: [proof], points: [] })
    for (const comment of ['# A site', '# in the cellar', '# proven in spring', '# both'])
      expect(text).toContain(comment)
  })

  it('replaces a bare name by who, when and how', () => {
    const text = edit(site, { deviceId: 'battery', kind: 'sign', name: 'powerW' }, proof)
    expect(verifiedIn(text)[1]).toEqual({ commands: ['setPowerW'], signs: [proof], points: [] })
  })

  it('takes a proof away, and what is empty then', () => {
    const one = edit(site, { deviceId: 'battery', kind: 'sign', name: 'powerW' }, undefined)
    expect(verifiedIn(one)[1]).toEqual({ commands: ['setPowerW'], signs: [], points: [] })
    const none = edit(one, { deviceId: 'battery', kind: 'command', name: 'setPowerW' }, undefined)
    expect(verifiedIn(none)[1]).toBeUndefined()
    expect(none).toContain('map: a/b')
  })

  it('takes away again exactly what it added', () => {
    const target = { deviceId: 'battery', kind: 'point', name: 'voltageV.l1' } as const
    const added = edit(site, target, { ...proof, name: 'voltageV.l1' })
    expect(verifiedIn(added)[1]).toMatchObject({ points: [{ name: 'voltageV.l1' }] })
    expect(verifiedIn(edit(added, target, undefined))).toEqual(verifiedIn(site))
  })

  it('works on TOML as well', () => {
    const text = edit(toml, { deviceId: 'meter', kind: 'sign', name: 'powerW' }, proof, 'site.toml')
    expect(verifiedIn(text, 'site.toml')[0]).toMatchObject({ signs: [proof] })
    expect(text).toContain('# in the cellar')
  })
})

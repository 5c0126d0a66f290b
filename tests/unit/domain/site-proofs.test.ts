import { describe, expect, it } from 'vitest'
import { editProof } from '../../../service/domain/site-proofs.ts'

const proof = { name: 'powerW', by: 'Anna', at: '2026-03-01T12:00:00.000Z', how: 'kettle' }
const site = `# A site
devices:
  - { id: meter, role: grid-meter } # in the cellar
  - id: battery
    # proven in spring
    verified: { commands: [setPowerW], signs: [powerW] } # both
    map: a/b
`

describe('editProof', () => {
  it('adds a proof to a device without any, and keeps every comment', () => {
    const text = editProof(site, { device: 0, kind: 'sign', name: 'powerW' }, proof)
    expect(text).toContain(
      'verified: { signs: [ { name: powerW, by: Anna, at: 2026-03-01T12:00:00.000Z, how: kettle } ] }',
    )
    for (const comment of ['# A site', '# in the cellar', '# proven in spring', '# both'])
      expect(text).toContain(comment)
  })

  it('replaces a bare name by who, when and how', () => {
    const text = editProof(site, { device: 1, kind: 'sign', name: 'powerW' }, proof)
    expect(text).toMatch(/commands: \[ setPowerW \], signs: \[ \{ name: powerW, by: Anna/)
    expect(text.match(/powerW/g)).toHaveLength(1)
  })

  it('takes a proof away, and what is empty then', () => {
    const one = editProof(site, { device: 1, kind: 'sign', name: 'powerW' }, undefined)
    expect(one).toContain('verified: { commands: [ setPowerW ] }')
    const none = editProof(one, { device: 1, kind: 'command', name: 'setPowerW' }, undefined)
    expect(none).not.toContain('verified')
    expect(none).toContain('map: a/b')
  })

  it('takes away again exactly what it added', () => {
    const place = { device: 0, kind: 'point', name: 'voltageV.l1' } as const
    const added = editProof(site, place, { ...proof, name: 'voltageV.l1' })
    expect(editProof(added, place, undefined)).toBe(editProof(site, place, undefined))
  })
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readEdgeFile } from '../../../service/configuration/edge-file.ts'
import { resolveSettings } from '../../../service/configuration/layers.ts'
import { configurationPlace, openRoot } from '../../../service/configuration/root.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-edge-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the settings of an edge', () => {
  it('come from the default, the file, the environment and the command line, the later before the earlier', async () => {
    const file = join(folder, 'edge.yaml')
    writeFileSync(
      file,
      '# our edge\nport: 1\nlisten: 0.0.0.0:8443\ndataFolder: data\nlogLevel: debug\nlicense:\n  path: l.txt\n',
    )
    const { settings } = await openRoot(
      folder,
      { R_EMS_API_PORT: '2', R_EMS_LOG_LEVEL: 'warn', R_EMS_TLS_NAMES: 'a.local, b.local', R_EMS_MODE: '' },
      { port: '3' },
    )
    expect(settings.get('port')).toMatchObject({ value: '3', layer: 'option', origin: '--port' })
    expect(settings.get('logLevel')).toMatchObject({ value: 'warn', origin: 'R_EMS_LOG_LEVEL' })
    expect(settings.get('tlsNames')).toMatchObject({ value: ['a.local', 'b.local'], origin: 'R_EMS_TLS_NAMES' })
    expect(settings.get('listen')).toMatchObject({ value: '0.0.0.0:8443', origin: `${file}:3` })
    expect(settings.get('dataFolder')).toMatchObject({ value: join(folder, 'data'), origin: `${file}:4` })
    expect(settings.get('license.path')).toMatchObject({ value: join(folder, 'l.txt'), origin: `${file}:7` })
    expect(settings.get('license.environment')).toMatchObject({ value: 'R_EMS_LICENSE', origin: 'default' })
    // An empty variable is not set.
    expect(settings.get('mode')).toMatchObject({ value: 'production', layer: 'default' })
    expect(settings.get('siteFolder')).not.toHaveProperty('value')
  })

  it('may be written in TOML, and name another folder for the site', async () => {
    mkdirSync(join(folder, 'mill'))
    writeFileSync(join(folder, 'edge.toml'), 'port = 7\nsiteFolder = "mill"\n[license]\npath = "x"\n')
    const { settings, sitePath } = await openRoot(folder, {}, {})
    expect(settings.get('port')).toMatchObject({ value: '7', origin: `${join(folder, 'edge.toml')}:1` })
    expect(settings.get('license.path')?.origin).toBe(`${join(folder, 'edge.toml')}:4`)
    expect(sitePath).toBe(join(folder, 'mill'))
  })

  it('belong to the file beside a site file of its own, not to any file in a folder', async () => {
    writeFileSync(join(folder, 'edge.yaml'), 'port: 7\n')
    writeFileSync(join(folder, 'site.yaml'), 'version: 3\n')
    writeFileSync(join(folder, 'other.yaml'), 'version: 3\n')
    expect((await openRoot(join(folder, 'site.yaml'), {}, {})).settings.get('port')?.value).toBe('7')
    expect((await openRoot(join(folder, 'other.yaml'), {}, {})).settings.get('port')?.value).toBe('8080')
  })

  it.each([
    ['prot: 1\n', /edge\.yaml:1:1: unknown key "prot"; did you mean "port"\?/],
    ['port: many\n', /edge\.yaml:1:7: port: expected a number/],
    ['port: 1\nenable_control: true\n', /edge\.yaml:2:1: unknown key "enable_control"/],
    ['a:\n\tb: 1\n', /edge\.yaml:2:1: Tabs are not allowed/],
    ['api_token: abcdefgh\n', /edge\.yaml:1:1: "api_token" is a secret.*secrets\//],
  ])('%j is refused with its place', async (text, expected) => {
    writeFileSync(join(folder, 'edge.yaml'), text)
    await expect(readEdgeFile(folder)).rejects.toThrow(expected)
  })

  it('two files are one too many; the file of the data folder is none; comments alone set nothing', async () => {
    writeFileSync(join(folder, 'edge.yaml'), 'enable_control: true\ndry_run: false\n')
    expect(await readEdgeFile(folder)).toBeUndefined()
    writeFileSync(join(folder, 'edge.yaml'), '# nothing yet\n')
    expect((await readEdgeFile(folder))?.values).toEqual({})
    writeFileSync(join(folder, 'edge.toml'), 'port = 1\n')
    await expect(readEdgeFile(folder)).rejects.toThrow('both edge.yaml and edge.toml')
  })

  it('other defaults can be given', () => {
    const settings = resolveSettings({ environment: {}, options: {}, presets: { mode: 'simulation' } })
    expect(settings.get('mode')).toMatchObject({ value: 'simulation', origin: 'default' })
  })
})

describe('the place of a configuration', () => {
  it('is named by the option, by R_EMS_CONFIG_ROOT, or is /etc/r-ems', () => {
    expect(configurationPlace('x', { R_EMS_CONFIG_ROOT: '/srv' })).toEqual({ path: resolve('x'), origin: '--config' })
    expect(configurationPlace(undefined, { R_EMS_CONFIG_ROOT: '/srv' }).origin).toBe('R_EMS_CONFIG_ROOT')
    expect(configurationPlace(undefined, { R_EMS_CONFIG_ROOT: '' })).toEqual({ path: '/etc/r-ems', origin: 'default' })
  })
})

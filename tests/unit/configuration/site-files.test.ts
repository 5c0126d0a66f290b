import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSiteFolder } from '../../../service/configuration/read-site-folder.ts'
import { hashSiteFiles, siteFilesFrom } from '../../../service/configuration/site-files.ts'
import { siteFolderBounds } from '../../../service/contract/configuration.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'r-ems-site-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, content: string | Uint8Array): string {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  return file
}

describe('the folder of a site', () => {
  it('is read with its own maps, and nothing else of it', async () => {
    put('site.yaml', 'version: 3\n')
    put('pointmaps/acme/meter.yaml', 'format: 1\n')
    put('pointmaps/acme/notes.txt', 'hello')
    put('edge.yaml', 'port: 1\n')
    put('secrets/ca.key', 'secret')
    put('workbench/ports.yaml', 'a: 1\n')
    expect([...(await readSiteFolder(folder))]).toEqual([
      ['pointmaps/acme/meter.yaml', 'format: 1\n'],
      ['site.yaml', 'version: 3\n'],
    ])
  })

  it('may be named by its site file, whatever that is called', async () => {
    const file = put('cellar.toml', 'version = 3\n')
    put('pointmaps/acme/meter.yaml', 'format: 1\n')
    expect([...(await readSiteFolder(file)).keys()]).toEqual(['pointmaps/acme/meter.yaml', 'site.toml'])
  })

  it('says the same with Windows line ends and a BOM', async () => {
    put('site.yaml', '\uFEFFversion: 3\r\nname: Müller\r\n')
    const read = await readSiteFolder(folder)
    expect(read.get('site.yaml')).toBe('version: 3\nname: Müller\n')
    expect(hashSiteFiles(read)).toBe(hashSiteFiles(new Map([['site.yaml', 'version: 3\nname: Müller\n']])))
  })

  it('has one hash for the same files in whatever order, and another for any other byte', () => {
    const files: [string, string][] = [
      ['site.yaml', 'a: 1\n'],
      ['pointmaps/a/b.yaml', 'b: 1\n'],
    ]
    const hash = hashSiteFiles(siteFilesFrom(files))
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(hashSiteFiles(siteFilesFrom(files.toReversed()))).toBe(hash)
    expect(hashSiteFiles(siteFilesFrom([['site.yaml', 'a: 1\n\n'], files[1]!]))).not.toBe(hash)
  })

  const site = 'version: 3\n'
  it.each<[name: string, arrange: () => void, expected: RegExp]>([
    ['nothing in it', () => undefined, /has neither site\.yaml nor site\.toml$/],
    ['a site file by another ending', () => put('site.yml', site), /site\.yml must be called site\.yaml$/],
    [
      'two site files',
      () => [put('site.yaml', site), put('site.toml', 'version = 3')],
      /both site\.yaml and site\.toml; keep one/,
    ],
    ['an empty file', () => put('site.yaml', ''), /site\.yaml:1:1: the file is empty.*copy it again/],
    ['a file of spaces', () => put('site.yaml', ' \r\n\n'), /the file is empty/],
    ['a file of zeros', () => put('site.yaml', new Uint8Array(500)), /nothing but zeros.*copy it again/],
    [
      'a file that ends in zeros',
      () => put('site.yaml', `${site}\0\0`),
      /no text \(a zero byte at 11\).*copy it again/,
    ],
    ['UTF-16', () => put('site.yaml', Buffer.from('\uFEFFversion: 3', 'utf16le')), /UTF-16; save it as UTF-8/],
    ['Latin-1', () => put('site.yaml', Buffer.from('name: M\u00FCller', 'latin1')), /not UTF-8; save it as UTF-8/],
    ['a site that is a folder', () => mkdirSync(join(folder, 'site.yaml')), /site\.yaml:? is not a file/],
    [
      'a broken map',
      () => [put('site.yaml', site), put('pointmaps/a/b.yaml', '')],
      /pointmaps\/a\/b\.yaml:1:1: the file is empty/,
    ],
    ['a far too large file', () => put('site.yaml', 'a'.repeat(3_100_000)), /larger than 1 MB/],
    ['a large file', () => put('site.yaml', 'a'.repeat(siteFolderBounds.fileLength + 1)), /larger than 1 MB/],
    [
      'a key among the maps',
      () => [put('site.yaml', site), put('pointmaps/a/edge.key', 'x')],
      /edge\.key is a secret in the wrong place; move it into secrets\//,
    ],
    [
      'a password in the site',
      () => put('site.yaml', `${site}\npassword: hunter2\n`),
      /^site\.yaml:3: "password" is a secret.*under secrets\//,
    ],
    [
      'a token in a list',
      () => put('site.yaml', `${site}devices:\n  - { id: a, api_token: x }\n`),
      /site\.yaml:3: "api_token" is a secret/,
    ],
    [
      'a private key in a map',
      () => [put('site.yaml', site), put('pointmaps/a/b.yaml', 'note: |\n  -----BEGIN EC PRIVATE KEY-----\n')],
      /pointmaps\/a\/b\.yaml:2: a private key/,
    ],
    [
      'a password in an address',
      () => put('site.yaml', `${site}connection: tcp://me:hunter2@10.0.0.1\n`),
      /site\.yaml:2: an address with a password/,
    ],
  ])('with %s is refused in one sentence', async (_name, arrange, expected) => {
    arrange()
    const refusal = await readSiteFolder(folder).then(
      () => 'accepted',
      (error: unknown) => String(error instanceof Error ? error.message : error),
    )
    expect(refusal).toMatch(expected)
    expect(refusal).not.toContain('hunter2')
    expect(refusal).not.toContain('\n')
  })

  it('takes words that only sound like a secret', async () => {
    put('site.yaml', 'name: The password is kept elsewhere # token: none\nsecretary: Ms Key\n')
    expect((await readSiteFolder(folder)).size).toBe(1)
  })

  it('does not follow a link to a folder', async () => {
    put('site.yaml', site)
    mkdirSync(join(folder, 'pointmaps'))
    symlinkSync(folder, join(folder, 'pointmaps/loop'))
    expect((await readSiteFolder(folder)).size).toBe(1)
  })

  it.each([
    ['../site.yaml', 'a: 1'],
    ['pointmaps/../../x.yaml', 'a: 1'],
    ['pointmaps/a/b.yml', 'a: 1'],
    ['/etc/passwd', 'a: 1'],
    ['accounts.json', '{}'],
    ['secrets/ca.key', 'x'],
    ['edge.yaml', 'port: 1'],
  ])('holds no %s', (path, text) => {
    expect(() =>
      siteFilesFrom([
        ['site.yaml', site],
        [path, text],
      ]),
    ).toThrow(`${path} does not belong to a site`)
  })

  it('is bounded in number and size of its files', () => {
    const many = Array.from({ length: siteFolderBounds.files + 1 }, (_, at): [string, string] => [
      `pointmaps/a/m${at}.yaml`,
      '',
    ])
    expect(() => siteFilesFrom(many)).toThrow('a site has at most 500')
    const large = Array.from({ length: 17 }, (_, at): [string, string] => [
      `pointmaps/a/m${at}.yaml`,
      'a'.repeat(1_000_000),
    ])
    expect(() => siteFilesFrom([['site.yaml', site], ...large])).toThrow('larger than 16 MB together')
  })
})

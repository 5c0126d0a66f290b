import { dirname } from 'node:path'
import type { FileSystem } from '../../../service/deployment/file-system.ts'

/** The machine has lost its power. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

interface FileNode {
  bytes: Uint8Array
  /** As it is on the disk for good; undefined when it never was. */
  durable: Uint8Array | undefined
}

interface FolderNode {
  names: Map<string, Node>
  durable: Map<string, Node>
}

type Node = FileNode | FolderNode

const isFolder = (node: Node | undefined): node is FolderNode => node !== undefined && 'names' in node
const newFolder = (): FolderNode => ({ names: new Map(), durable: new Map() })

/** What of the unsynced is on the disk after a cut: nothing, everything, or whatever `choose` says. */
export type Survival = 'nothing' | 'everything' | ((question: string) => number)

/**
 * A disk that forgets what was not synced: contents of files, and names in folders, each by itself. `operations` counts what was
 * asked to change it; with `cutAt` it ends there, before that operation.
 */
export function createSimulatedDisk(): {
  readonly disk: FileSystem
  operations(): number
  /** The power goes before the operation with this number, counted from now; undefined: never. */
  cutAt(operation: number | undefined): void
  /** The disk as the next start finds it. */
  afterCut(survival: Survival): void
  /** Every file, for comparing. */
  files(): Map<string, string>
  /** Changes a file behind everybody's back, durably. */
  damage(file: string, bytes: Uint8Array): void
} {
  let root = newFolder()
  let operations = 0
  let cut: number | undefined

  const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '')
  function find(path: string): Node | undefined {
    let node: Node | undefined = root
    for (const part of partsOf(path)) node = isFolder(node) ? node.names.get(part) : undefined
    return node
  }
  function folderOf(path: string): FolderNode {
    const folder = find(dirname(path))
    if (!isFolder(folder)) throw new Error(`no folder for ${path}`)
    return folder
  }
  const nameOf = (path: string): string => partsOf(path).at(-1) ?? ''

  function operate(): void {
    if (cut !== undefined && operations >= cut) throw new PowerCut('the power is gone')
    operations += 1
  }

  const disk: FileSystem = {
    async read(file) {
      const node = find(file)
      return node && !isFolder(node) ? node.bytes : undefined
    },
    async list(folder) {
      const node = find(folder)
      return isFolder(node) ? [...node.names.keys()] : undefined
    },
    async makeFolder(folder) {
      let node = root
      for (const part of partsOf(folder)) {
        let next = node.names.get(part)
        if (!next) {
          operate()
          next = newFolder()
          node.names.set(part, next)
        }
        if (!isFolder(next)) throw new Error(`${folder} is a file`)
        node = next
      }
    },
    async write(file, bytes) {
      operate()
      const folder = folderOf(file)
      const node = folder.names.get(nameOf(file))
      if (node && !isFolder(node)) node.bytes = bytes
      else folder.names.set(nameOf(file), { bytes, durable: undefined })
    },
    async sync(path) {
      operate()
      const node = path === '/' ? root : find(path)
      if (!node) throw new Error(`nothing to sync at ${path}`)
      if (isFolder(node)) node.durable = new Map(node.names)
      else node.durable = node.bytes
    },
    async rename(from, to) {
      operate()
      const node = find(from)
      if (!node) throw new Error(`nothing to rename at ${from}`)
      folderOf(from).names.delete(nameOf(from))
      folderOf(to).names.set(nameOf(to), node)
    },
    async remove(path) {
      if (!find(path)) return
      operate()
      folderOf(path).names.delete(nameOf(path))
    },
  }

  function survivor(node: Node, path: string, survival: Survival): Node {
    const pick = (question: string, choices: number): number =>
      survival === 'nothing' ? 0 : survival === 'everything' ? choices - 1 : survival(`${path} ${question}`) % choices
    if (!isFolder(node)) {
      if (node.durable === node.bytes) return { bytes: node.bytes, durable: node.bytes }
      // Never synced: empty, cut off in the middle, or whole.
      const states = [node.durable ?? new Uint8Array(), node.bytes.slice(0, node.bytes.length >> 1), node.bytes]
      const bytes = states[pick('content', states.length)]!
      return { bytes, durable: bytes }
    }
    const names = new Map<string, Node>()
    for (const name of new Set([...node.durable.keys(), ...node.names.keys()])) {
      const before = node.durable.get(name)
      const after = node.names.get(name)
      const chosen = before === after ? after : [before, after][pick(name, 2)]
      if (chosen) names.set(name, survivor(chosen, `${path}/${name}`, survival))
    }
    return { names, durable: new Map(names) }
  }

  function filesBelow(node: FolderNode, path: string, found: Map<string, string>): Map<string, string> {
    for (const [name, child] of node.names)
      if (isFolder(child)) filesBelow(child, `${path}/${name}`, found)
      else found.set(`${path}/${name}`, Buffer.from(child.bytes).toString('utf8'))
    return found
  }

  return {
    disk,
    operations: () => operations,
    cutAt(operation) {
      cut = operation === undefined ? undefined : operations + operation
    },
    afterCut(survival) {
      root = survivor(root, '', survival) as FolderNode
      cut = undefined
    },
    files: () => filesBelow(root, '', new Map()),
    damage(file, bytes) {
      folderOf(file).names.set(nameOf(file), { bytes, durable: bytes })
      folderOf(file).durable.set(nameOf(file), folderOf(file).names.get(nameOf(file))!)
    },
  }
}

import createMdns from 'multicast-dns'

export interface AnnouncingDevice {
  readonly instance: string
  /** As _modbus._tcp. */
  readonly service: string
  readonly address: string
  readonly port: number
}

/** Devices that announce themselves by mDNS on the loopback interface; `terse` ones tell only what they are asked for. */
export function announceDevices(
  devices: readonly AnnouncingDevice[],
  { port = 5353, terse = false }: { readonly port?: number; readonly terse?: boolean } = {},
): AsyncDisposable {
  const options = { interface: '127.0.0.1', bind: '0.0.0.0', port }
  const mdns = createMdns(options)
  const records = devices.map(({ instance, service, address, port }, i) => {
    const name = `${instance}.${service}.local`
    return {
      ptr: { name: `${service}.local`, type: 'PTR' as const, ttl: 120, data: name },
      srv: { name, type: 'SRV' as const, ttl: 120, data: { target: `host-${i}.local`, port } },
      a: { name: `host-${i}.local`, type: 'A' as const, ttl: 120, data: address },
    }
  })
  mdns.on('query', ({ questions = [] }) => {
    for (const question of questions)
      for (const { ptr, srv, a } of records) {
        const asked = [ptr, srv, a].filter(({ name, type }) => name === question.name && type === question.type)
        if (asked.length > 0) mdns.respond({ answers: asked, additionals: terse ? [] : [srv, a] })
      }
  })
  return {
    [Symbol.asyncDispose]: () => new Promise((resolve) => mdns.destroy(resolve)),
  }
}

// Looks up what standard input asks for, by Node.js' dns.lookup or, with the
// argument "resolve", by dns.resolve. See doc.go for what it reads and writes.
const dns = require('dns').promises
const readline = require('readline')

// libuv's threads call getaddrinfo and getnameinfo.
const byLookup = {
  ip: async (name) => (await dns.lookup(name, { all: true })).map((a) => a.address),
  ip4: async (name) => (await dns.lookup(name, { all: true, family: 4 })).map((a) => a.address),
  ip6: async (name) => (await dns.lookup(name, { all: true, family: 6 })).map((a) => a.address),
  ptr: async (address) => [(await dns.lookupService(address, 80)).hostname],
}

// c-ares asks.
const byResolve = {
  ip4: (name) => dns.resolve4(name),
  ip6: (name) => dns.resolve6(name),
  srv: async (name) => (await dns.resolveSrv(name)).map((r) => `${r.priority}/${r.port}/${r.name}`),
  ptr: (reverseName) => dns.resolvePtr(reverseName),
  txt: async (name) => (await dns.resolveTxt(name)).flat(),
}

async function main () {
  const lookups = process.argv.includes('resolve') ? byResolve : byLookup
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [kind, name] = line.split(' ')
    try {
      const values = await lookups[kind](name)
      // An alias of a name without such records gives an empty list, and no error.
      console.log(values.length ? ['found', ...values].join(' ') : 'none empty')
    } catch (e) {
      console.log(['ENOTFOUND', 'ENODATA'].includes(e.code) ? 'none' : 'failed', e.code)
    }
  }
}

main()

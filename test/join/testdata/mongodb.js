// Prints the seeds that MongoDB's driver for Node.js finds for a URI, which it looks up
// before it connects to any.
const { MongoClient } = require(`${process.argv[2]}/node_modules/mongodb`)

async function main () {
  const client = new MongoClient(process.argv[3], { serverSelectionTimeoutMS: 1 })
  client.on('topologyDescriptionChanged', (event) => {
    const seeds = [...event.newDescription.servers.keys()]
    if (seeds.length) {
      console.log(seeds.join('\n'))
      process.exit(0)
    }
  })
  await client.connect()
}

main().catch((e) => {
  console.error(e)
  process.exit(1)
})

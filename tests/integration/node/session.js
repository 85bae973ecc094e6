// A session as applications have it: node session.js MODULE PORT, where the module is some version of ioredis. Prints "ok" when everything was as it should be.
"use strict";

const assert = require("node:assert");
const { Redis } = require(process.argv[2]);

const port = Number(process.argv[3]);

async function main() {
  const redis = new Redis({ port, maxRetriesPerRequest: 1 });
  await redis.ping();
  await redis.flushall();

  assert.strictEqual(await redis.set("key", "value"), "OK");
  assert.strictEqual(await redis.get("key"), "value");
  assert.strictEqual(await redis.get("missing"), null);
  assert.strictEqual(await redis.set("key", "other", "NX"), null);
  assert.strictEqual(await redis.set("key", "timed", "EX", 100, "GET"), "value");
  assert.ok((await redis.ttl("key")) > 90);
  assert.deepStrictEqual(await redis.getBuffer("key"), Buffer.from("timed"));

  const bytes = Buffer.from([0, 255, 13, 10]);
  await redis.set("bytes", bytes);
  assert.deepStrictEqual(await redis.getBuffer("bytes"), bytes);

  await redis.mset({ a: 1, b: 2 });
  assert.deepStrictEqual(await redis.mget("a", "b", "c"), ["1", "2", null]);
  assert.strictEqual(await redis.incrby("a", 41), 42);

  const counts = await Promise.all(Array.from({ length: 1000 }, () => redis.incr("counter")));
  assert.deepStrictEqual(counts, Array.from({ length: 1000 }, (_, n) => n + 1));

  const piped = await redis.pipeline().set("p", 1).incr("p").get("p").incr("key").exec();
  assert.deepStrictEqual(piped.slice(0, 3), [[null, "OK"], [null, 2], [null, "2"]]);
  assert.match(piped[3][0].message, /not an integer/);

  assert.deepStrictEqual(await redis.multi().incr("m").incr("m").exec(), [[null, 1], [null, 2]]);

  const other = redis.duplicate();
  await redis.watch("m");
  await other.set("m", 7);
  assert.strictEqual(await redis.multi().incr("m").exec(), null);

  await redis.mset(...Array.from({ length: 500 }, (_, n) => [`s:${n}`, n]).flat());
  const found = new Set();
  for await (const keys of redis.scanStream({ match: "s:*", count: 50 })) keys.forEach((key) => found.add(key));
  assert.strictEqual(found.size, 500);

  await assert.rejects(redis.call("NOSUCH", "x"), /unknown command/);
  assert.match(await redis.info("server"), /redis_version:/);

  const piping = new Redis({ port, enableAutoPipelining: true, db: 2, connectionName: "piping" });
  await Promise.all(Array.from({ length: 200 }, (_, n) => piping.set(`k${n}`, n)));
  assert.strictEqual(await piping.dbsize(), 200);
  assert.match(await piping.client("LIST"), /name=piping .*db=2/);

  for (const client of [redis, other, piping]) assert.strictEqual(await client.quit(), "OK");
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

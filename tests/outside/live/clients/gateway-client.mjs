// Drives npm's @openclaw/gateway-client: pairs with the gateway's token, keeps the device token, comes back with it alone.
// Arguments: the package's entry, the gateway's URL, its token. Prints what was seen as one line of JSON.
import { createHash, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

const [entry, url, token] = process.argv.slice(2);
const { GatewayClient } = await import(entry);

const pair = generateKeyPairSync("ed25519");
const pem = { type: "spki", format: "pem" };
const rawKey = (publicKey) => createPublicKey(publicKey).export({ type: "spki", format: "der" }).subarray(-32);
const publicKeyPem = pair.publicKey.export(pem);
const identity = {
  deviceId: createHash("sha256").update(rawKey(publicKeyPem)).digest("hex"),
  privateKeyPem: pair.privateKey.export({ type: "pkcs8", format: "pem" }),
  publicKeyPem,
};
let kept = null;
const hostDeps = {
  signDevicePayload: (privateKey, payload) => sign(null, Buffer.from(payload), privateKey).toString("base64url"),
  publicKeyRawBase64UrlFromPem: (publicKey) => rawKey(publicKey).toString("base64url"),
  loadDeviceAuthToken: () => kept,
  storeDeviceAuthToken: ({ token, scopes }) => {
    kept = { token, scopes };
  },
  clearDeviceAuthToken: () => {
    kept = null;
  },
};

function connect(secret) {
  return new Promise((resolve, reject) => {
    const client = new GatewayClient({
      url,
      deviceIdentity: identity,
      hostDeps,
      clientName: "cli",
      mode: "cli",
      role: "operator",
      scopes: ["operator.pairing", "operator.read"],
      ...secret,
      onHelloOk: (hello) => resolve({ client, hello }),
      // A gateway that has only just started may close without a word; the client comes back by itself.
      onReconnectPaused: ({ code, reason }) => reject(new Error(`closed (${code}): ${reason}`)),
    });
    client.start();
  });
}

async function visit(secret) {
  const { client, hello } = await connect(secret);
  const list = await client.request("device.pair.list", {});
  await client.stopAndWait();
  const { role, scopes } = hello.auth;
  return { role, scopes, protocol: hello.protocol, paired: list.paired.map((device) => device.deviceId === identity.deviceId) };
}

setTimeout(() => {
  console.error("no hello within a minute");
  process.exit(1);
}, 60_000);
const first = await visit({ token });
const remembered = kept?.scopes ?? null;
const second = await visit({});
console.log(JSON.stringify({ first, remembered, second }));
process.exit(0);

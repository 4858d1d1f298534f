// Drives npm's openclaw-node: pairs with the gateway's token, keeps the device token in its file, comes back with it alone.
// Arguments: the package's entry, the gateway's URL, its token, the identity file. Prints what was seen as one line of JSON.
import { readFileSync } from "node:fs";

const [entry, url, token, deviceIdentityPath] = process.argv.slice(2);
const { OpenClawClient } = await import(entry);

async function visit(secret) {
  const client = new OpenClawClient({
    url,
    deviceIdentityPath,
    autoReconnect: false,
    // Its own name is that of the gateway's own backend, which a local gateway does not pair.
    clientId: "cli",
    scopes: ["operator.pairing", "operator.read"],
    ...secret,
  });
  client.on("error", () => {});
  await client.connect();
  const connected = client.isConnected;
  await client.disconnect();
  return { connected, kept: "deviceToken" in JSON.parse(readFileSync(deviceIdentityPath, "utf8")) };
}

const seen = [];
for (const secret of [{ token: "wrong" }, { token }, {}]) {
  try {
    seen.push(await visit(secret));
  } catch (error) {
    seen.push({ error: error.message });
  }
}
console.log(JSON.stringify(seen));
process.exit(0);

"""Drives PyPI's openclaw-sdk: connects as a device that is paired already, with its device token.

Arguments: the gateway's URL. Its key and token are in HOME, where the CLI would have left them. Prints what was seen as one
line of JSON.
"""

import asyncio
import json
import sys

from openclaw_sdk.gateway.protocol import ProtocolGateway


async def main(url: str) -> None:
    gateway = ProtocolGateway(ws_url=url)
    await gateway.connect()
    devices = await gateway.call("device.pair.list", {})
    await gateway.close()
    print(json.dumps({"paired": len(devices["paired"]), "pending": len(devices["pending"])}))


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))

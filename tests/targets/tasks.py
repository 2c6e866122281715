"""An asyncio loop with tasks that wait; the barrier is in a coroutine."""
import asyncio
import sys

import oracle


async def sleeper(number):
    await asyncio.sleep(10**6, [number])


async def main():
    tasks = [asyncio.ensure_future(sleeper(i)) for i in range(77)]
    await asyncio.sleep(0)
    oracle.barrier(sys.argv[1])
    return tasks


asyncio.new_event_loop().run_until_complete(main())

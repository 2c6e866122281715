"""gathered.py BEAT: an asyncio program that makes twenty jobs at a time, of which one is kept, made by a line of its own."""

import asyncio
import sys


class Job:
    def __init__(self, number):
        self.number = number
        self.parts = [number]


async def passing(number):
    job = Job(number)
    await asyncio.sleep(0)
    return job.number


async def staying(number):
    job = Job(number)
    await asyncio.sleep(0)
    return job


async def main():
    number = 0
    kept = []
    while True:
        jobs = [passing(number + i) for i in range(19)]
        jobs.insert(number // 20 % 20, staying(number + 19))
        kept += [job for job in await asyncio.gather(*jobs) if isinstance(job, Job)]
        number += 20
        with open(sys.argv[1], "w") as beat:
            beat.write(str(number))
        await asyncio.sleep(0.001)


asyncio.run(main())

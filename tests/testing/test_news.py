import asyncio

from asgate.testing.news import News


async def test_everybody_who_waits_is_woken():
    news = News()
    waiting = [asyncio.create_task(news.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    news.tell()
    await asyncio.gather(*waiting)


async def test_one_who_gives_up_is_forgotten():
    news = News()
    waiting = asyncio.create_task(news.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not news._waiting

"""Series that were measured: an EEG and share prices.

The files come with matplotlib, as sample data of its gallery, under matplotlib's licence; nothing is downloaded.
"""

import numpy as np

EEG_CHANNELS = ("PG3", "PG5", "PG7", "PG9")


def _sample_data(name):
    from matplotlib.cbook import get_sample_data  # slow to import, and needed by these series alone

    return get_sample_data(name, asfileobj=False)


def eeg():
    """Return ten seconds of an electroencephalogram on four channels, and its sampling rate.

    Returns
    -------
    signal : ndarray (800, 4) of float64
        One row a time step, one column a channel, named in `EEG_CHANNELS`. The values carry no physical unit: whoever
        made the file had already brought each channel to mean 0 and standard deviation 1 over all 800 steps.
    rate : float
        80.0 samples a second. The file has no header; rate and names are those that matplotlib's gallery draws it with.

    Notes
    -----
    Mean squared error one step ahead over the four channels of the test part, after
    ``standardise(*split_in_time(signal))``: next = now 0.424; a linear model of all channels at the last 2 steps 0.275,
    at the last 3 steps 0.274. Channel 0 alone: 0.625; 2 steps 0.384, 3 steps 0.359.

    Source: ``eeg.dat``, drawn on matplotlib's gallery page "MRI with EEG".

    Examples
    --------
    >>> signal, rate = eeg()
    >>> signal.shape, len(signal) / rate
    ((800, 4), 10.0)
    """
    return np.fromfile(_sample_data("eeg.dat"), dtype="<f8").astype(np.float64).reshape(800, 4), 80.0


def google_prices():
    """Return the daily prices of Google's share from its first day, 2004-08-19, to 2008-10-14: 1,047 trading days.

    Returns
    -------
    dict of str to ndarray (1047,)
        ``"date"`` (datetime64[D]); ``"open"``, ``"high"``, ``"low"``, ``"close"`` in dollars, as quoted on the day
        (float64); ``"volume"`` in shares (int64).

    Notes
    -----
    On the test part of ``split_in_time`` (the last 157 days) "tomorrow's close = today's" has a root mean squared error
    of 15.00 dollars, and still a coefficient of determination of 0.94. The logarithm of the daily range,
    log(log(high / low)), has a mean squared error of 0.216 with tomorrow = today, and with a linear model of the last
    1, 2, 5, 10, 20 days of 0.212, 0.179, 0.150, 0.143, 0.146.

    Source: ``goog.npz`` of matplotlib's sample data.

    Examples
    --------
    >>> prices = google_prices()
    >>> print(prices["date"][0], prices["close"][0])
    2004-08-19 100.34
    """
    with np.load(_sample_data("goog.npz")) as file:
        table = file["price_data"]
    return {name: table[name].copy() for name in ("date", "open", "high", "low", "close", "volume")}


def stock_prices():
    """Return the monthly prices of eight stocks and two indices, January 1990 to June 2022, with gaps.

    Returns
    -------
    months : ndarray (390,) of datetime64[M]
    symbols : list of 10 str
        IBM, AAPL, MSFT, XRX, AMZN, DELL, GOOGL, ADBE, then the indices ^GSPC (S&P 500) and ^IXIC (Nasdaq).
    prices : ndarray (390, 10) of float64
        Dollars (points for an index), corrected for later splits: Apple begins at 0.24. NaN before a company came to
        the market: Amazon has 301 months, Google 214, Dell 70, all others 390.

    Notes
    -----
    The file's 134 rows that are not the first of a month are left out: 133 are empty and the last repeats June 2022.

    Source: ``Stocks.csv`` of matplotlib's sample data, which names https://finance.yahoo.com as its own source.

    Examples
    --------
    >>> months, symbols, prices = stock_prices()
    >>> prices.shape, int(np.isnan(prices[:, symbols.index("AMZN")]).sum())
    ((390, 10), 89)
    """
    with open(_sample_data("Stocks.csv"), encoding="ascii") as file:
        _, header, *lines = file.read().splitlines()
    rows = [line.split(",") for line in lines if line.split(",")[0].endswith("-01")]
    months = np.array([row[0][:7] for row in rows], dtype="datetime64[M]")
    return months, header.split(",")[1:], np.array([[float(price or "nan") for price in row[1:]] for row in rows])

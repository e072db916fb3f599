import pandas as pd

frame = pd.read_csv('calendar.csv', parse_dates=['day'])
print(frame.groupby(frame.day.dt.month)['value'].sum())
frame.to_json('out.json', orient='records', date_format='iso')
print(open('out.json').read()[:50])

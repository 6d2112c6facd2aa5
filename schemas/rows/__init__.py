"""What a row of each dataset is: Arrow schemas, and the columns that its content digest is made of."""

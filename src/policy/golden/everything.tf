# Lets Tributary use the Kinesis stream clicks in eu-west-1.
# Not here on purpose: the user's access key, because Terraform would keep its secret in the state file.
# Create it afterwards with: aws iam create-access-key --user-name tributary-clicks

resource "aws_iam_user" "tributary" {
  name = "tributary-clicks"
}

resource "aws_iam_policy" "tributary" {
  name = "tributary-clicks"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord", "kinesis:PutRecords", "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]
        Resource = ["arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"]
      },
      {
        Effect   = "Allow"
        Action   = ["kinesis:ListStreams"]
        Resource = ["*"]
      },
      {
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = ["arn:aws:kms:eu-west-1:123456789012:key/k-1"]
      },
    ]
  })
}

resource "aws_iam_user_policy_attachment" "tributary" {
  user       = aws_iam_user.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}
